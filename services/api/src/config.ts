import { join, resolve } from 'node:path'
import { ConfigError, integerVariable, parseEnv, portVariable } from '@firn/runtime'
import { z } from 'zod'

const TOKEN_MIN_CHARS = 8

const ApiEnv = z.object({
  API_HOST: z.string().default('127.0.0.1'),
  API_PORT: portVariable(8080),
  API_TOKEN: z.string().optional().describe(`at least ${TOKEN_MIN_CHARS} characters`),
  API_TOKENS_FILE: z.string().optional().describe('path of a file with one token a line'),
  API_STREAMS_MAX: integerVariable({ min: 1, max: 10_000, defaultValue: 256 }),
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  FIRN_DATA_DIR: z.string().default('.firn'),
  JOURNAL_URL: z.string().optional().describe('file:<directory> or s3://<bucket>/<prefix>'),
  RETRY_ATTEMPTS: integerVariable({ min: 1, max: 1000, defaultValue: 20 }),
  SOURCE_ROOTS: z
    .string()
    .optional()
    .describe('directories, separated by colons, that files to archive may lie under'),
})

export interface ApiConfig {
  readonly host: string
  readonly port: number
  readonly token: string | null
  readonly tokensFile: string | null
  readonly streamCountMax: number
  readonly redisUrl: string
  readonly journalUrl: string
  /** Counted tries of an opening or a part before the job fails. */
  readonly attempts: { readonly open: number; readonly parts: number }
  /** Absolute; none means that no file may be archived. */
  readonly sourceRoots: readonly string[]
}

/** Pure but for the working directory, which relative paths start from. Throws {@link ConfigError}. */
export function readApiConfig(env: NodeJS.ProcessEnv): ApiConfig {
  const values = parseEnv(ApiEnv, env)
  const token = values.API_TOKEN ?? null
  const tokensFile = values.API_TOKENS_FILE ?? null
  const roots = (values.SOURCE_ROOTS ?? '').split(':').filter((root) => root !== '')
  const problems = tokenProblems(token, tokensFile)
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze({
    host: values.API_HOST,
    port: values.API_PORT,
    token,
    tokensFile,
    streamCountMax: values.API_STREAMS_MAX,
    redisUrl: values.REDIS_URL,
    journalUrl: values.JOURNAL_URL ?? `file:${resolve(join(values.FIRN_DATA_DIR, 'journal'))}`,
    attempts: { open: values.RETRY_ATTEMPTS, parts: values.RETRY_ATTEMPTS },
    sourceRoots: roots.map((root) => resolve(root)),
  })
}

function tokenProblems(token: string | null, tokensFile: string | null): string[] {
  if (token === null && tokensFile === null) {
    return [
      'API_TOKEN is not set, nor is API_TOKENS_FILE: the API never runs open. Make a token with "openssl rand -hex 32", set API_TOKEN to it, and send it as "Authorization: Bearer <token>"',
    ]
  }
  if (token !== null && !isToken(token)) {
    return [`API_TOKEN is (hidden): must be ${TOKEN_MIN_CHARS} or more characters without spaces`]
  }
  return []
}

/** What can stand in an Authorization header and is not guessed at once. */
function isToken(text: string): boolean {
  return text.length >= TOKEN_MIN_CHARS && /^[\x21-\x7e]+$/.test(text)
}

/** The tokens of a file: one a line; empty lines and lines that begin with `#` are skipped. */
export function parseTokensFile(text: string): readonly string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const tokens = lines.filter((line) => line !== '' && !line.startsWith('#'))
  const problems: string[] = []
  if (tokens.length === 0) problems.push('API_TOKENS_FILE names a file without a token')
  if (!tokens.every(isToken)) {
    problems.push(
      `API_TOKENS_FILE names a file with a bad line: each token must be ${TOKEN_MIN_CHARS} or more characters without spaces`,
    )
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return tokens
}
