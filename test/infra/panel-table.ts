import { writeFile } from 'node:fs/promises'
import type { Sample } from './query-prometheus.ts'

/** What one query gave, at one moment of a run. */
export interface PanelResult {
  readonly name: string
  readonly expr: string
  readonly samples: readonly Sample[]
}

const SAMPLES_SHOWN = 4

/**
 * Writes what every panel showed, as a page of Markdown, for a person to look at:
 * `PANELS_FILE=panels.md npm test -- test/infra/dashboards.test.ts`.
 */
export async function writePanelTable(
  file: string,
  about: string,
  results: readonly PanelResult[],
): Promise<void> {
  const rows = results.map(({ name, expr, samples }) => {
    const shown = samples.slice(0, SAMPLES_SHOWN).map(sampleText)
    const more = samples.length - shown.length
    const values = shown.join('<br>') + (more > 0 ? `<br>and ${more} more` : '')
    return `| ${name} | ${samples.length} | ${values} | \`${expr.replaceAll('|', '\\|')}\` |`
  })
  const head = ['| Panel | Series | Values | Query |', '|---|---|---|---|']
  await writeFile(file, [`${about}\n`, ...head, ...rows, ''].join('\n'))
}

function sampleText({ metric, value }: Sample): string {
  const { __name__: _, ...labels } = metric
  const text = Object.entries(labels).map(([name, label]) => `${name}=${label}`)
  const number = Number.isInteger(value) ? String(value) : value.toPrecision(4)
  return text.length === 0 ? number : `${number} (${text.join(' ')})`
}
