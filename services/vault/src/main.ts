import { createMetrics, runService } from '@firn/runtime'
import { readVaultConfig } from './config.ts'
import { openVaultServer } from './vault-server.ts'

await runService({ name: 'vault', env: process.env }, async ({ log, signal }) => {
  const config = readVaultConfig(process.env)
  const server = await openVaultServer({ config, registry: createMetrics(), log, stopping: signal })
  log.info({ address: server.address, port: server.port, region: config.region }, 'listening')
  return server
})
