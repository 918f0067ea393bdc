import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { Manifest } from './manifest-schemas.ts'
import { canRun, runCommand } from './run-command.ts'

export const AUTOSCALERS = [
  'keda-prometheus',
  'keda-redis',
  'keda-redis-sentinel',
  'hpa',
  'hpa-cpu',
]
export const whyNoKubectl = (await canRun('kubectl', 'version', '--client'))
  ? false
  : 'kubectl is not here: install it to render the overlays'

async function render(directory: string): Promise<readonly Manifest[]> {
  const text = await runCommand(['kubectl', 'kustomize', directory], { timeoutMs: 60_000 })
  return parseAllDocuments(text).map((document) => Manifest.parse(document.toJS()))
}

export const renderDemo = (): Promise<readonly Manifest[]> =>
  render('infra/kubernetes/overlays/demo')

/** The production overlay with another autoscaler and every option, as its comments tell how to. */
export function renderProduction(autoscaler: string): Promise<readonly Manifest[]> {
  return renderChanged([
    ['  - ../../components/keda-prometheus\n', `  - ../../components/${autoscaler}\n`],
    ['  # - ../../components/certificate-probe\n', '  - ../../components/certificate-probe\n'],
  ])
}

/** The production overlay with the journal in a bucket, as its comments tell how to. */
export function renderWithBucket(): Promise<readonly Manifest[]> {
  return renderChanged([
    ['  # - ../../components/s3-journal\n', '  - ../../components/s3-journal\n'],
    ['      # - JOURNAL_URL=s3:', '      - JOURNAL_URL=s3:'],
  ])
}

/** An overlay with one more component. */
export function renderAlso(overlay: string, component: string): Promise<readonly Manifest[]> {
  const line = `components:\n  - ../../components/${component}\n`
  return renderChanged([['components:\n', line]], overlay)
}

async function renderChanged(
  changes: readonly (readonly [from: string, to: string])[],
  name = 'production',
): Promise<readonly Manifest[]> {
  const copy = await mkdtemp(join(tmpdir(), 'firn-kustomize-'))
  try {
    for (const part of ['kubernetes', 'prometheus', 'grafana']) {
      await cp(join('infra', part), join(copy, part), { recursive: true })
    }
    const overlay = join(copy, 'kubernetes/overlays', name)
    const file = join(overlay, 'kustomization.yaml')
    let text = await readFile(file, 'utf8')
    for (const [from, to] of changes) {
      assert.ok(text.includes(from), from)
      text = text.replace(from, to)
    }
    await writeFile(file, text)
    return await render(overlay)
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}
