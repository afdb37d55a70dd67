#!/bin/bash
#SBATCH --job-name=kwright-worker
#SBATCH --array=0-0
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
#SBATCH --chdir=/scratch/kernels
#SBATCH --output=/scratch/kernels/kwright-worker-%A_%a.log
#SBATCH --export=HOME,PATH,USER,LANG,KWRIGHT_TOKEN
set -eu
export KWRIGHT_CACHE_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/kwright-nodes/$SLURMD_NODENAME"
# exec: Slurm signals the worker itself, which drains on SIGTERM.
exec /opt/kwright/bin/kwright serve worker --connect https://head.cluster:8737 --name "slurm-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" --drain 110
