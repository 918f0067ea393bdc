// Prepares the checkout and runs one of Firn's TypeScript programs with the Node.js that it pins:
//
//   node infra/bootstrap/run.mjs [--redis=own|own-or-url] <entry.ts> [argument…]
//
// Plain JavaScript without dependencies, since it runs before anything is installed. This file
// alone must also parse on a Node.js that is too old, so that it can say so.

const [major] = process.versions.node.split('.').map(Number)
if (process.platform === 'win32') {
  process.stderr.write('firn: runs on Linux and macOS. On Windows, use it inside WSL 2.\n')
  process.exit(1)
}
if (major < 20) {
  process.stderr.write(
    `firn: needs Node.js 20 or newer to start, and this is ${process.version}. Install a supported one from https://nodejs.org/ or your package manager.\n`,
  )
  process.exit(1)
}

void import('./bootstrap.mjs').then(({ bootstrap }) => bootstrap(process.argv.slice(2)))
