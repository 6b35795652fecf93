"""The options of launch/pod.py."""

import argparse
import re

from common.contract import UserError

COMMANDS = ("create", "run", "logs", "stop", "delete")
NAME = re.compile("[a-z]([a-z0-9-]{0,61}[a-z0-9])?")  # what Google lets a TPU be called


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        raise UserError(f"{message}; --help tells more")


def parse(argv: list[str], intro: str) -> tuple[argparse.Namespace, list[str]]:
    """Our options, and after `--` those of main.py. `intro` heads --help."""
    text = argparse.RawDescriptionHelpFormatter
    parser = Parser(
        "pod.py", description=intro, formatter_class=text, allow_abbrev=False
    )
    flag = parser.add_argument
    flag("command", choices=COMMANDS, help="see above")
    flag("--tpu", required=True, help="v5e-256, v4-32, v5p-128, v6e-16")
    flag("--zone", required=True, help="us-west4-a")
    flag("--name", default="papers", help="of the TPU [papers]")
    flag("--project", help="gcloud's own, if not given")
    flag("--spot", action="store_true", help="cheaper; may be taken away")
    flag(
        "--create_flags",
        default="",
        help='gcloud\'s, for the request: "--service-account=A --internal-ips"',
    )
    flag("--ssh_flags", default="", help='gcloud\'s, for ssh and scp: "--internal-ip"')
    flag("--restarts", type=int, default=100, help="run: at most [100]")
    flag("--poll", type=float, default=30, help="seconds between two looks [30]")
    flag("--follow", action="store_true", help="logs: show it as it grows")
    flag("--dry_run", action="store_true", help="print the commands, run none")
    cut = argv.index("--") if "--" in argv else len(argv)
    options = parser.parse_args(argv[:cut])
    rest = argv[cut + 1 :]
    if not NAME.fullmatch(options.name):
        raise UserError(
            f"no TPU can be called --name={options.name}: small letters, digits and -, "
            "a letter first"
        )
    if options.command == "run" and not rest:
        raise UserError("run needs main.py's flags after --, as in: -- --paper=...")
    if options.command != "run" and rest:
        raise UserError(f"{options.command} takes nothing after --; run does")
    return options, rest
