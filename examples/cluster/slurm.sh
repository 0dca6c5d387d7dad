#!/usr/bin/env bash
# Eight workers on a Slurm cluster, against a PostgreSQL database.
#
#   sweep submit mine.toml
#   sbatch --export=ALL examples/cluster/slurm.sh mine
#
# SWEEP_STORAGE (postgresql+psycopg://…) comes from the environment, so that its password is in no
# list of jobs. SWEEP_FILES names a folder that all nodes see: a trial whose worker is killed goes on
# from its checkpoint on any of them, and the dashboard finds the samples of all. Slurm says SIGTERM
# two minutes before the time is up: the worker then gives its trials back.
#SBATCH --job-name=sweep
#SBATCH --array=1-8
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@120
set -euo pipefail
: "${SWEEP_STORAGE:?names the database}"
exec sweep worker ${1:+"$1"} --log-json
