import { ConfigError, integerVariable, parseEnv, portVariable } from '@firn/runtime'
import { z } from 'zod'
import type { Credential } from './auth/credentials.ts'
import { MEMORY_MS } from './storage/lifetimes.ts'

export interface VaultConfig {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly region: string
  /** From the environment; more may be in `credentialsFile`. */
  readonly credentials: readonly Credential[]
  /** A JSON array of credentials, or null. */
  readonly credentialsFile: string | null
  /** Null when there is none. */
  readonly controlPort: number | null
  /** Items of a page of a list, at most. */
  readonly pageMax: number
  /** An upload without activity for longer is gone. */
  readonly uploadIdleMs: number
  /** How long a job takes. */
  readonly jobDelayMs: number
  /** How far inventories are behind. */
  readonly inventoryLagMs: number
  /** How long a sender may stop in the middle of a body. */
  readonly bodyIdleMs: number
}

const keyHint = 'set both keys, here and in the clients, or VAULT_CREDENTIALS_FILE'

const VaultEnv = z.object({
  VAULT_HOST: z.string().default('127.0.0.1').describe('an address to listen on'),
  VAULT_PORT: portVariable(8090),
  VAULT_DATA_DIR: z.string().default('.firn/vault').describe('a directory, created if missing'),
  VAULT_ACCESS_KEY_ID: z
    .string()
    .regex(/^[\w.-]{1,128}$/, 'not an access key id')
    .optional()
    .describe(keyHint),
  VAULT_SECRET_ACCESS_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{8,128}$/, 'not 8 to 128 printable characters')
    .optional()
    .describe(keyHint),
  VAULT_CREDENTIALS_FILE: z.string().optional().describe('a file with a JSON array of credentials'),
  VAULT_ACCOUNT_ID: z
    .string()
    .regex(/^\d{12}$/, 'not 12 digits')
    .default('111122223333')
    .describe('12 digits, default 111122223333'),
  VAULT_REGION: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, 'not a region')
    .default('us-east-1')
    .describe('the region that clients sign for, default us-east-1'),
  VAULT_PAGE_MAX: integerVariable({ min: 1, max: 1000, defaultValue: 1000 }),
  VAULT_UPLOAD_IDLE_MS: integerVariable({
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    defaultValue: MEMORY_MS,
  }),
  VAULT_JOB_DELAY_MS: integerVariable({ min: 0, max: 30 * MEMORY_MS, defaultValue: 0 }),
  VAULT_INVENTORY_LAG_MS: integerVariable({ min: 0, max: 30 * MEMORY_MS, defaultValue: 0 }),
  VAULT_CONTROL_PORT: z
    .string()
    .regex(/^[0-9]{1,5}$/, 'not a port')
    .transform(Number)
    .refine((port) => port <= 65_535, 'not a port')
    .optional()
    .describe('a port of the loopback address, 0 for any free one; default: no control port'),
  VAULT_BODY_IDLE_MS: integerVariable({ min: 100, max: MEMORY_MS, defaultValue: 60_000 }),
})

/** Throws one error that lists every variable that is wrong or missing. */
export function readVaultConfig(env: NodeJS.ProcessEnv): VaultConfig {
  const read = readEnv(env)
  return {
    host: read.VAULT_HOST,
    port: read.VAULT_PORT,
    dataDir: read.VAULT_DATA_DIR,
    region: read.VAULT_REGION,
    credentials: environmentCredentials(read),
    credentialsFile: read.VAULT_CREDENTIALS_FILE ?? null,
    controlPort: read.VAULT_CONTROL_PORT ?? null,
    pageMax: read.VAULT_PAGE_MAX,
    uploadIdleMs: read.VAULT_UPLOAD_IDLE_MS,
    jobDelayMs: read.VAULT_JOB_DELAY_MS,
    inventoryLagMs: read.VAULT_INVENTORY_LAG_MS,
    bodyIdleMs: read.VAULT_BODY_IDLE_MS,
  }
}

function readEnv(env: NodeJS.ProcessEnv): z.output<typeof VaultEnv> {
  const missing = missingKeys(env).map((name) => `${name} is not set; allowed: ${keyHint}`)
  try {
    const read = parseEnv(VaultEnv, env)
    if (missing.length === 0) return read
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError([...missing, ...error.problems])
  }
  throw new ConfigError(missing)
}

/** Half a key pair is a mistake; no pair at all is one unless a file has others. */
function missingKeys(env: NodeJS.ProcessEnv): readonly string[] {
  const missing = ['VAULT_ACCESS_KEY_ID', 'VAULT_SECRET_ACCESS_KEY'].filter((name) => !env[name])
  return missing.length === 2 && env.VAULT_CREDENTIALS_FILE ? [] : missing
}

function environmentCredentials(read: z.output<typeof VaultEnv>): readonly Credential[] {
  const accessKeyId = read.VAULT_ACCESS_KEY_ID
  const secretAccessKey = read.VAULT_SECRET_ACCESS_KEY
  if (accessKeyId === undefined || secretAccessKey === undefined) return []
  return [{ accessKeyId, secretAccessKey, accountId: read.VAULT_ACCOUNT_ID }]
}
