#!/bin/bash
# Trains on the GPUs of a Slurm cluster and requeues itself until it is done:
#   sbatch launch/jobs/slurm.sh
#   sbatch --nodes=4 launch/jobs/slurm.sh --paper=transformer_xl --config=wt103_large \
#       --mesh=data:4,fsdp:8 --config.data.root=/shared/wt103 --workdir=/shared/run
# from the checkout, with its environment active, on a disk that all nodes share.
#
#SBATCH --job-name=papers
#SBATCH --nodes=2
# JAX gives the task with SLURM_LOCALID i the i-th GPU of its node: one task a GPU, and
# each task sees all GPUs of the node (so not --gpus-per-task, which hides the others).
#SBATCH --ntasks-per-node=8
#SBATCH --gres=gpu:8
#SBATCH --gpu-bind=none
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
# Ten minutes before the time limit this script, not main.py, is told. USR1, because
# TERM is what scancel sends, and a cancelled job must not come back.
#SBATCH --signal=B:USR1@600
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=slurm-%j.log

if [ $# = 0 ]; then
    set -- --paper=transformer_xl --config=enwik8_24l --mesh=data \
        --config.data.root="$PWD/data/enwik8" --workdir="$PWD/workdir/enwik8_24l"
fi
max_restarts=100
failed="slurm-$SLURM_JOB_ID.failed"
rm -f "$failed"

# srun returns the highest code of its tasks: 3 from those that lost the one that
# crashed with 1. So a task whose own code is 1 or 2 leaves a note. Nobody kills the
# others: JAX ends them.
export failed
srun --kill-on-bad-exit=0 bash -c '
    python -u launch/main.py "$@"
    code=$?
    case $code in 1 | 2) echo $code >"$failed" ;; esac
    exit $code' task "$@" &
step=$!

# To the tasks alone: main.py finishes its step, saves and leaves with 0.
trap 'time_is_up=1; scancel --signal=TERM "$SLURM_JOB_ID"' USR1
wait $step
code=$?
if [ "$time_is_up" ]; then # the trap cut the first wait short
    wait $step
    code=$?
fi

if [ -e "$failed" ]; then
    code=$(cat "$failed")
    echo "slurm: main.py ended with $code; not started again" >&2
    exit "$code"
fi
if [ $code = 0 ] && [ ! "$time_is_up" ]; then
    exit 0
fi
if [ "${SLURM_RESTART_COUNT:-0}" -ge $max_restarts ]; then
    echo "slurm: gave up after $max_restarts restarts" >&2
    exit $code
fi
echo "slurm: exit code $code, time is up: ${time_is_up:-0}; going on from the checkpoint"
scontrol requeue "$SLURM_JOB_ID"
