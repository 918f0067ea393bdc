import { createMetrics, observeDisks, runService } from '@firn/runtime'
import { readVaultConfig } from './config.ts'
import { openVaultServer } from './vault-server.ts'

await runService({ name: 'vault', env: process.env }, async ({ log, signal }) => {
  const config = readVaultConfig(process.env)
  const registry = createMetrics()
  observeDisks(registry, [{ volume: 'vault', directory: config.dataDir }])
  const server = await openVaultServer({ config, registry, log, stopping: signal })
  const { address, port, controlPort } = server
  log.info({ address, port, controlPort, region: config.region }, 'listening')
  return server
})
