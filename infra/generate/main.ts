import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { BASE_URL_FILE, parseBaseUrl, renderFiles } from './render-files.ts'

// npm run generate [-- --base-url=https://…/]     the address is kept for the next time
const root = new URL('../../', import.meta.url)
const { values } = parseArgs({ options: { 'base-url': { type: 'string' } } })
const wanted = values['base-url']
if (wanted !== undefined) {
  await writeFile(new URL(BASE_URL_FILE, root), `${parseBaseUrl(wanted)}\n`)
}
for (const [path, text] of await renderFiles(root)) await writeFile(new URL(path, root), text)
