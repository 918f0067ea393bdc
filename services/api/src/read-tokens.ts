import { readFile } from 'node:fs/promises'
import { ConfigError } from '@firn/runtime'
import { type ApiConfig, parseTokensFile } from './config.ts'

/** Every token that the configuration names. Throws ConfigError when the file cannot be used. */
export async function readTokens(
  config: Pick<ApiConfig, 'token' | 'tokensFile'>,
): Promise<readonly string[]> {
  const tokens = config.token === null ? [] : [config.token]
  if (config.tokensFile === null) return tokens
  return [...tokens, ...parseTokensFile(await readText(config.tokensFile))]
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new ConfigError([`API_TOKENS_FILE is "${path}": cannot be read (${code})`])
  }
}
