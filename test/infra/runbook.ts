import { readFile } from 'node:fs/promises'
import { selectorsIn } from './dashboard-queries.ts'

const RUNBOOK = new URL('../../docs/runbook.md', import.meta.url)

/** The sections of the runbook, one for each thing that can be wrong. */
export async function runbookSections(): Promise<
  readonly { readonly title: string; readonly text: string }[]
> {
  const [, ...sections] = (await readFile(RUNBOOK, 'utf8')).split(/^## /m)
  return sections.map((section) => {
    const [title = ''] = section.split('\n', 1)
    return { title, text: section.slice(title.length) }
  })
}

/** What the runbook would have one ask Prometheus; `<vault>` is to be replaced. */
export async function runbookQueries(): Promise<readonly string[]> {
  const sections = await runbookSections()
  const code = sections.flatMap(({ text }) => [...text.matchAll(/`([^`]+)`/g)])
  return code.map(([, text]) => text ?? '').filter((text) => selectorsIn(text).length > 0)
}
