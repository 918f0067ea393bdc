import { integerVariable, parseEnv, portVariable } from '@firn/runtime'
import { z } from 'zod'
import type { Credential } from './auth/credentials.ts'
import { MEMORY_MS } from './storage/lifetimes.ts'

export interface VaultConfig {
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly region: string
  readonly credentials: readonly Credential[]
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

const secretHint = 'set it here and in the clients; any text without spaces will do'

const VaultEnv = z.object({
  VAULT_HOST: z.string().default('127.0.0.1').describe('an address to listen on'),
  VAULT_PORT: portVariable(8090),
  VAULT_DATA_DIR: z.string().default('.firn/vault').describe('a directory, created if missing'),
  VAULT_ACCESS_KEY_ID: z
    .string()
    .regex(/^[\w.-]{1,128}$/, 'not an access key id')
    .describe(secretHint),
  VAULT_SECRET_ACCESS_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{8,128}$/, 'not 8 to 128 printable characters')
    .describe(secretHint),
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
  VAULT_BODY_IDLE_MS: integerVariable({ min: 100, max: MEMORY_MS, defaultValue: 60_000 }),
})

/** Throws one error that lists every variable that is wrong or missing. */
export function readVaultConfig(env: NodeJS.ProcessEnv): VaultConfig {
  const read = parseEnv(VaultEnv, env)
  return {
    host: read.VAULT_HOST,
    port: read.VAULT_PORT,
    dataDir: read.VAULT_DATA_DIR,
    region: read.VAULT_REGION,
    credentials: [
      {
        accessKeyId: read.VAULT_ACCESS_KEY_ID,
        secretAccessKey: read.VAULT_SECRET_ACCESS_KEY,
        accountId: read.VAULT_ACCOUNT_ID,
      },
    ],
    pageMax: read.VAULT_PAGE_MAX,
    uploadIdleMs: read.VAULT_UPLOAD_IDLE_MS,
    jobDelayMs: read.VAULT_JOB_DELAY_MS,
    inventoryLagMs: read.VAULT_INVENTORY_LAG_MS,
    bodyIdleMs: read.VAULT_BODY_IDLE_MS,
  }
}
