import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findFreePort, LOOPBACK } from './free-port.ts'
import { redisReady, redisServerSpec, redisUrl } from './redis-server.ts'
import type { Secrets } from './secrets.ts'
import type { ServiceDefinition } from './service.ts'
import type { Environment, StackOptions, VaultAccess } from './stack-options.ts'
import type { ServiceKind } from './stop-phases.ts'
import type { ProcessStatus, Supervisor } from './supervisor.ts'

const ROOT = resolve(fileURLToPath(new URL('../../..', import.meta.url)))
const REDIS_START_TRIES = 3

/** What every service of one stack is started with. */
export interface StackContext {
  readonly options: StackOptions
  readonly secrets: Secrets
  readonly supervisor: Supervisor
  readonly signal: AbortSignal
}

export async function startRedis({
  options,
  secrets,
  supervisor,
  signal,
}: StackContext): Promise<string> {
  const { dataDir, env } = options
  for (let tries = 1; ; tries += 1) {
    const endpoint = { port: await findFreePort(), password: secrets.redisPassword }
    const spec = await redisServerSpec({ dataDir, endpoint, env: baseEnvironment(env) })
    const whenReady = (at: AbortSignal): Promise<void> => redisReady(endpoint, at)
    try {
      await supervisor.start({ kind: 'redis', spec, portVariable: null, whenReady }, signal)
      return redisUrl(endpoint)
    } catch (error) {
      // Another process may take the free port first.
      if (signal.aborted || tries === REDIS_START_TRIES) throw error
    }
  }
}

export async function startVault({
  options,
  secrets,
  supervisor,
  signal,
}: StackContext): Promise<VaultAccess> {
  const { env } = options
  const aws = journalSettings(env)
  const access = {
    region: env.VAULT_REGION ?? aws.AWS_REGION ?? 'us-east-1',
    accessKeyId: env.VAULT_ACCESS_KEY_ID ?? aws.AWS_ACCESS_KEY_ID ?? secrets.vaultAccessKeyId,
    secretAccessKey:
      env.VAULT_SECRET_ACCESS_KEY ?? aws.AWS_SECRET_ACCESS_KEY ?? secrets.vaultSecretAccessKey,
  }
  const definition = define(options, {
    kind: 'vault',
    name: 'vault',
    portVariable: 'VAULT_PORT',
    env: {
      VAULT_HOST: LOOPBACK,
      VAULT_PORT: String(options.ports.vault),
      VAULT_DATA_DIR: join(options.dataDir, 'vault'),
      VAULT_REGION: access.region,
      VAULT_ACCESS_KEY_ID: access.accessKeyId,
      VAULT_SECRET_ACCESS_KEY: access.secretAccessKey,
    },
  })
  const { url } = await supervisor.start(definition, signal)
  return { ...access, endpoint: url ?? '' }
}

export function startApi(
  { options, secrets, supervisor, signal }: StackContext,
  shared: Environment,
): Promise<ProcessStatus> {
  const definition = define(options, {
    kind: 'api',
    name: 'api',
    portVariable: 'API_PORT',
    env: {
      ...shared,
      API_HOST: options.env.API_HOST ?? LOOPBACK,
      API_PORT: String(options.ports.api),
      API_TOKEN: tokenOf(options, secrets),
    },
  })
  return supervisor.start(definition, signal)
}

export function startFinalizer(
  { options, supervisor, signal }: StackContext,
  shared: Environment,
  name: string,
) {
  const definition = define(options, {
    kind: 'finalizer',
    name,
    portVariable: 'FINALIZER_METRICS_PORT',
    env: { ...shared, FINALIZER_METRICS_PORT: '0' },
  })
  return supervisor.start(definition, signal)
}

/** `ordinal` tells workers of one stack apart. */
export function startWorker(
  { options, supervisor, signal }: StackContext,
  input: { readonly shared: Environment; readonly ordinal: number },
): Promise<ProcessStatus> {
  const definition = define(options, {
    kind: 'worker',
    name: `worker-${input.ordinal}`,
    portVariable: 'WORKER_METRICS_PORT',
    env: { ...input.shared, WORKER_METRICS_PORT: '0' },
  })
  return supervisor.start(definition, signal)
}

function define(
  options: StackOptions,
  service: {
    readonly kind: Exclude<ServiceKind, 'redis'>
    readonly name: string
    readonly portVariable: string
    readonly env: Environment
  },
): ServiceDefinition {
  const { kind, name, portVariable } = service
  return {
    kind,
    portVariable,
    spec: {
      name,
      command: process.execPath,
      args: [join(ROOT, 'services', kind, 'src/main.ts')],
      env: {
        ...{ ...baseEnvironment(options.env), ...service.env },
        ...{ ...options.envByKind?.[kind], ...options.envByName?.[name] },
      },
      cwd: ROOT,
    },
  }
}

/** What the API, the workers and the finalizer share. */
export function sharedEnvironment(
  options: StackOptions,
  found: { readonly redis: string; readonly vault: VaultAccess | null },
): Environment {
  const directoryUrl = (name: string): string => pathToFileURL(join(options.dataDir, name)).href
  const { vault } = found
  return {
    FIRN_DATA_DIR: options.dataDir,
    REDIS_URL: found.redis,
    JOURNAL_URL: options.env.JOURNAL_URL ?? directoryUrl('journal'),
    SOURCE_ROOTS: options.sourceRoots.join(':'),
    ...(vault === null
      ? awsVariables(options.env)
      : {
          ...journalSettings(options.env),
          AWS_ENDPOINT_URL_GLACIER: vault.endpoint,
          AWS_REGION: vault.region,
          AWS_ACCESS_KEY_ID: vault.accessKeyId,
          AWS_SECRET_ACCESS_KEY: vault.secretAccessKey,
        }),
  }
}

export function tokenOf(options: StackOptions, secrets: Secrets): string {
  return options.env.API_TOKEN ?? secrets.apiToken
}

const isAws = (name: string): boolean => name.startsWith('AWS_')

/** Without the AWS settings: a profile of the user's must not win over the stack's own vault. */
function baseEnvironment(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isAws(name)))
}

/** What leads to a journal in a bucket; no profile, which could lead elsewhere than to the vault. */
const JOURNAL_SETTINGS =
  /^AWS_(?:REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|ENDPOINT_URL_S3|(?:REQUEST|RESPONSE)_CHECKSUM_.*)$/

export function isJournalInBucket(env: Environment): boolean {
  return env.JOURNAL_URL?.startsWith('s3:') ?? false
}

/**
 * The AWS settings for a journal in a bucket, if it is in one. A process has one pair of keys and
 * one region: the stack's own vault takes over those of the journal.
 */
export function journalSettings(env: Environment): Environment {
  if (!isJournalInBucket(env)) return {}
  return Object.fromEntries(Object.entries(env).filter(([name]) => JOURNAL_SETTINGS.test(name)))
}

function awsVariables(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => isAws(name)))
}
