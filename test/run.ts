import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { neutralVariables } from '@firn/stack'

/**
 * `npm test [-- file… option…]`: every test that needs no cloud account, or the files named, under
 * Node's own test runner. Options such as `--test-name-pattern=…` go to the runner.
 */
const TEST_FILES = [
  'packages/*/src/**/*.test.ts',
  'services/*/src/**/*.test.ts',
  'test/{architecture,integration,e2e,faults,infra,simulation}/**/*.test.ts',
]
const FILE_MAX_MS = 15 * 60_000

const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'))
const named = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const userDirectory = process.env.INIT_CWD ?? process.cwd()
const files =
  named.length > 0
    ? named.map((file) => resolve(userDirectory, file))
    : (await Array.fromAsync(glob(TEST_FILES))).sort()

const runner = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    `--test-timeout=${FILE_MAX_MS}`,
    ...options,
    ...files,
  ],
  { stdio: 'inherit', env: environment() },
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => runner.kill('SIGTERM'))
}
const [code]: unknown[] = await once(runner, 'exit')
process.exitCode = typeof code === 'number' ? code : 1

/** Without what could lead a test to a Redis, a port or an account that is the user's. */
function environment(): NodeJS.ProcessEnv {
  return {
    ...neutralVariables(process.env),
    // The SDK reads ~/.aws and asks the machine's metadata service otherwise.
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
}
