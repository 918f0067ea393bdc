import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'

const Port = z.coerce.number().int().min(0).max(65_535)

const StartEnv = z.object({
  FIRN_DATA_DIR: z.string().min(1).default('.firn'),
  FIRN_GLACIER: z.enum(['vault', 'aws']).optional(),
  FIRN_WORKERS: z.coerce.number().int().min(1).max(256).optional(),
  API_HOST: z.string().min(1).default('127.0.0.1'),
  API_PORT: Port.default(8080),
  VAULT_PORT: Port.default(8090),
  REDIS_URL: z.string().min(1).optional(),
  AWS_ENDPOINT_URL_GLACIER: z.url().optional(),
  SOURCE_ROOTS: z.string().min(1).optional(),
})

/** What `npm start` reads from the environment; the rest of it goes to the services as it is. */
export interface StartConfig {
  readonly dataDir: string
  readonly workerCount: number
  readonly apiHost: string
  readonly ports: { readonly api: number; readonly vault: number }
  readonly redisUrl: string | null
  readonly glacier: 'vault' | 'environment'
  readonly sourceRoots: readonly string[]
}

/**
 * Reads the configuration. A relative data directory is one of the checkout's, relative source
 * roots are the user's.
 *
 * Amazon is used only when FIRN_GLACIER says so: many people have a profile in their environment,
 * and an archive that was meant for a try-out costs money for months.
 *
 * @throws an Error that names every bad variable.
 */
export function readStartConfig(
  env: Readonly<Record<string, string>>,
  machine: {
    readonly userDirectory: string
    readonly homeDirectory: string
    readonly checkout: string
    readonly cores: number
  },
): StartConfig {
  const parsed = StartEnv.safeParse(env)
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`)
    throw new Error(`The environment has values that cannot be used:\n${lines.join('\n')}`)
  }
  const values = parsed.data
  const isElsewhere = values.FIRN_GLACIER === 'aws' || values.AWS_ENDPOINT_URL_GLACIER !== undefined
  const roots = values.SOURCE_ROOTS?.split(':').filter((root) => root !== '') ?? [
    machine.homeDirectory,
    machine.userDirectory,
    machine.checkout,
  ]
  return {
    dataDir: isAbsolute(values.FIRN_DATA_DIR)
      ? values.FIRN_DATA_DIR
      : resolve(machine.checkout, values.FIRN_DATA_DIR),
    workerCount: values.FIRN_WORKERS ?? machine.cores,
    apiHost: values.API_HOST,
    ports: { api: values.API_PORT, vault: values.VAULT_PORT },
    redisUrl: values.REDIS_URL ?? null,
    glacier: isElsewhere && values.FIRN_GLACIER !== 'vault' ? 'environment' : 'vault',
    sourceRoots: [...new Set(roots.map((root) => resolve(machine.userDirectory, root)))],
  }
}
