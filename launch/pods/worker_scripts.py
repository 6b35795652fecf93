"""The shell scripts that launch/pod.py runs on the workers of a TPU.

A worker's ~/papers holds code/ (the checkout), venv/ and job/:
    lock   held by main.py as long as it lives: unlike a pid it is never stale, and two
           jobs cannot both have it
    pid    of main.py; group: of all its processes
    log    what it prints
    first  there if this is JAX's process 0, which alone prints more than errors
    code   its exit code; asked: there if we told it to stop
gcloud may lose the exit codes of many workers. It does not lose what they print: lines
that begin with `pod:` tell how they are.
"""

import shlex

# Names a file that main.py makes where it is process 0: JAX counts the hosts of a TPU
# by their place in the slice, and gcloud by its own list.
FIRST_MARK = "LAUNCH_FIRST_MARK"


def _fail(why: str) -> str:
    return f"{{ echo pod: failed: {why}; false; }}"


def halt(grace: int, asked: bool = False) -> str:
    """Ends the job, if one runs: SIGTERM, and SIGKILL after `grace` seconds."""
    mark = "touch asked; " if asked else ""
    return (
        "mkdir -p ~/papers/job && cd ~/papers/job && touch lock; "
        f"flock -n lock true || {{ {mark}kill -TERM $(cat pid); "
        f"flock -w {grace} lock true || kill -KILL -- -$(cat group); "
        f"flock -w 10 lock true || {_fail('the old job does not end')}; }}"
    )


def unpack() -> str:
    """Puts the shipped checkout in place of an older one."""
    return (
        "cd ~/papers && rm -rf code && mkdir code && tar -xzf ~/papers-code.tar.gz "
        f"-C code || {_fail('cannot unpack')}"
    )


def install() -> str:
    """Installs Python 3.11 and the pinned packages, unless that was done before. With
    uv, because the images of TPU VMs have Python 3.10."""
    return (
        "cd ~/papers && want=$(cat code/{constraints.txt,pyproject.toml} | sha256sum)"
        ' && { [ "$(cat venv/installed 2>/dev/null)" = "$want" ] || { '
        "python3 -m pip install -q --user uv && rm -rf venv && "
        "python3 -m uv venv -q --python 3.11 venv && python3 -m uv pip install -q "
        "--python venv/bin/python -c code/constraints.txt -e './code[tpu,gcs]' && "
        f'echo "$want" >venv/installed; }}; }} || {_fail("cannot install")}'
    )


def start(args: list[str]) -> str:
    """Starts main.py in a session of its own, so that it outlives the connection."""
    job = (
        f"cd ../code; {FIRST_MARK}=../job/first "
        f"../venv/bin/python -u launch/main.py {shlex.join(args)} & "
        "echo $! >../job/pid; wait $!; echo $? >../job/code"
    )
    return (
        "cd ~/papers/job && exec 9>lock && flock -w 10 9 && "
        "rm -f asked code pid first && "
        f"{{ setsid bash -c {shlex.quote(job)} </dev/null >log 2>&1 & "
        f"echo $! >group; }} || {_fail('cannot start')}"
    )


def status() -> str:
    """Prints `pod: HOST STATE`: running; asked (to stop, by us); lost (ended without
    an exit code); stopped (saved and left with 0 on a signal that we did not send: a
    TPU being taken away); or the exit code. Behind it, "prints" where process 0 is."""
    return (
        "cd ~/papers/job && if ! flock -n lock true; then s=running; "
        "elif [ -f asked ]; then s=asked; else s=$(cat code || echo lost); fi; "
        '[ "$s" = 0 ] && tail -n 20 log | grep -q "^stopped, and nothing is lost" && '
        "s=stopped; echo pod: $(hostname) $s $([ -f first ] && echo prints)"
    )


def follow(offset: int, seconds: float | None) -> str:
    """Prints the log from byte `offset` on, until the job ends or so many seconds."""
    tail = f"tail -c +{offset + 1}"
    limit = f"timeout {seconds:g} " if seconds else ""
    return (
        f"cd ~/papers/job && if flock -n lock true; then {tail} log; "
        f"else {limit}{tail} -s 0.2 --pid=$(cat group) -f log; fi"
    )
