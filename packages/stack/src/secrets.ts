import { randomBytes } from 'node:crypto'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const Secrets = z.object({
  apiToken: z.string().min(1),
  redisPassword: z.string().min(1),
  vaultAccessKeyId: z.string().min(1),
  vaultSecretAccessKey: z.string().min(1),
})

/** What the processes of one stack prove themselves to each other with. */
export type Secrets = Readonly<z.infer<typeof Secrets>>

/** The data directory's secrets, made at its first use; only the owner may read the file. */
export async function openSecrets(dataDir: string): Promise<Secrets> {
  const file = join(dataDir, 'secrets.json')
  try {
    const secrets = Secrets.parse(JSON.parse(await readFile(file, 'utf8')))
    await chmod(file, 0o600)
    return secrets
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw new Error(`Cannot read ${file}`, { cause: error })
    }
  }
  const secrets: Secrets = {
    apiToken: randomBytes(24).toString('base64url'),
    redisPassword: randomBytes(24).toString('base64url'),
    vaultAccessKeyId: `AKIAFIRN${randomBytes(6).toString('hex').toUpperCase()}`,
    vaultSecretAccessKey: randomBytes(30).toString('base64'),
  }
  await writeFile(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  return secrets
}
