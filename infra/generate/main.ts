import { writeFile } from 'node:fs/promises'
import { renderFiles } from './render-files.ts'

const root = new URL('../../', import.meta.url)
for (const [path, text] of await renderFiles(root)) await writeFile(new URL(path, root), text)
