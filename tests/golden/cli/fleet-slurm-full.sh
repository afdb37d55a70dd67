#!/bin/bash
#SBATCH --job-name=gemv-workers
#SBATCH --array=0-7
#SBATCH --partition=gpu,gpu-long
#SBATCH --account=proj-42
#SBATCH --qos=normal
#SBATCH --time=1-12:00:00
#SBATCH --constraint=(h100|h200)&ib
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=64G
#SBATCH --exclusive
#SBATCH --gres=gpu:h100:2
#SBATCH --container-image=registry.site/kwright:0.1
#SBATCH --container-mounts=/scratch:/scratch:ro
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@300
#SBATCH --chdir=/scratch/kernels
#SBATCH --output=/scratch/kernels/gemv-workers-%A_%a.log
#SBATCH --export=HOME,PATH,USER,LANG
set -eu
export KWRIGHT_CACHE_DIR='/local/$USER/kwright'
export KWRIGHT_EVALUATOR_TOKEN_FILE='/home/me/my tokens/worker'\''s'
export CUDA_HOME='/opt/cuda $(id)'
export NO='it'\''s "quoted"'
module load cuda/13.0
# exec: Slurm signals the worker itself, which drains on SIGTERM.
exec apptainer exec --nv '/images/kw;reboot.sif' /opt/kwright/bin/kwright serve worker --connect https://head.cluster:8737 --name "slurm-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}" --drain 290 --device cuda:0 --device emulated:sm_90a
