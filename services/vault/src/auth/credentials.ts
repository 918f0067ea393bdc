import { readFile } from 'node:fs/promises'
import { z } from 'zod'

const Credential = z.strictObject({
  accessKeyId: z.string().regex(/^[\w.-]{1,128}$/, 'not an access key id'),
  secretAccessKey: z.string().regex(/^[\x21-\x7e]{8,128}$/, 'not 8 to 128 printable characters'),
  accountId: z.string().regex(/^\d{12}$/, 'not 12 digits'),
  /** Temporary credentials: every request must carry this token. */
  sessionToken: z.string().min(1).optional(),
  /** When temporary credentials end. */
  expiresAt: z.iso.datetime().optional(),
})

/** A key pair and the account that it acts for. */
export type Credential = Readonly<z.infer<typeof Credential>>

/** Reads a JSON array of credentials. The error names what is wrong, and no secret. */
export async function readCredentialsFile(path: string): Promise<readonly Credential[]> {
  const text = await readFile(path, 'utf8')
  const result = z.array(Credential).min(1).safeParse(parseJson(path, text))
  if (!result.success) {
    const problems = result.error.issues.map((one) => `${one.path.join('.')}: ${one.message}`)
    throw new Error(`Cannot use the credentials in "${path}": ${problems.join('; ')}`)
  }
  const ids = result.data.map((one) => one.accessKeyId)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice === undefined) return result.data
  throw new Error(`Cannot use the credentials in "${path}": "${twice}" is there twice`)
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Error(`Cannot use the credentials in "${path}": not JSON`, { cause })
  }
}
