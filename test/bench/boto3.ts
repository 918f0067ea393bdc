import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'

const PYTHON = 'python3'
const SCRIPT = fileURLToPath(new URL('./boto3-uploader.py', import.meta.url))
/** Python's lock lets hashing and sending run beside each other, so two per core keep both busy. */
const THREADS = 4

const Result = z.object({ seconds: z.number(), cpuSeconds: z.number(), treeHash: z.string() })

export type Boto3Result = z.output<typeof Result>

/** Why boto3 cannot be run here, or null when it can. */
export function boto3Problem(): string | null {
  const { status, error } = spawnSync(PYTHON, ['-c', 'import boto3'], { encoding: 'utf8' })
  if (error !== undefined) return `${PYTHON} is not on the PATH`
  return status === 0 ? null : `${PYTHON} has no boto3 (pip install boto3)`
}

/** Archives the file with boto3 in threads, for comparison. */
export async function runBoto3(
  input: { readonly endpoint: string; readonly file: string; readonly partSizeBytes: number },
  signal: AbortSignal,
): Promise<Boto3Result> {
  const args = [SCRIPT, input.endpoint, input.file, String(input.partSizeBytes), String(THREADS)]
  const { stdout } = await promisify(execFile)(PYTHON, args, { signal })
  return Result.parse(JSON.parse(stdout))
}
