import { type Operation, operations } from '@firn/contracts'

/** A page that lists every call, made from the contract; needs no script and nothing from outside. */
export function docsPage(): string {
  const table: readonly [string, Operation][] = Object.entries(operations)
  const sections = table.map(([id, operation]) => section(id, operation))
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Firn API</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
code { font: 14px ui-monospace, monospace } section { border-top: 1px solid #8884; padding: .5rem 0 }
h2 { font-size: 1rem; margin: .5rem 0 } p { margin: .25rem 0 }
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd } a { color: #8bf } }
</style>
<h1>Firn API</h1>
<p>The whole of it, with every schema: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1).
Calls under <code>/v1</code> need <code>Authorization: Bearer &lt;token&gt;</code>; errors are
<code>application/problem+json</code>.</p>
${sections.join('\n')}
</html>
`
}

function section(id: string, operation: Operation): string {
  const inputs = [
    ...Object.keys(operation.query?.shape ?? {}).map((name) => `?${name}`),
    ...Object.keys(operation.headers?.shape ?? {}),
    ...(operation.body === undefined ? [] : ['a JSON body']),
  ]
  const answers = [operation.success.status, ...operation.problems].join(', ')
  return `<section id="${id}">
<h2><code>${operation.method.toUpperCase()} ${operation.path}</code></h2>
<p>${escapeHtml(operation.summary)}. ${escapeHtml(operation.description ?? '')}</p>
<p>${inputs.length > 0 ? `Takes ${escapeHtml(inputs.join(', '))}. ` : ''}Answers ${answers}.</p>
</section>`
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
