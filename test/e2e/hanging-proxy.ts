import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A TCP proxy that can stop answering. */
export interface HangingProxy extends AsyncDisposable {
  readonly url: string
  /** Where connections lead; needed before the first one. */
  readonly leadTo: (url: string) => void
  /** From here on, bytes arrive and nothing of them goes on, until {@link release}. */
  readonly hang: () => void
  readonly release: () => void
  /** Connections whose client has sent something that hangs, and has not given up. */
  readonly hangingCount: () => number
}

export async function openHangingProxy(): Promise<HangingProxy> {
  const sockets = new Set<Socket>()
  const hanging = new Set<Socket>()
  const held: { readonly to: Socket; readonly chunk: Buffer }[] = []
  let target = new URL('http://127.0.0.1:1')
  let isHanging = false
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      hanging.delete(socket)
    })
  }
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    keep(client)
    keep(upstream)
    client.on('data', (chunk: Buffer) => {
      if (!isHanging) {
        upstream.write(chunk)
        return
      }
      hanging.add(client)
      held.push({ to: upstream, chunk })
    })
    upstream.on('data', (chunk) => client.write(chunk))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No TCP address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    leadTo(url) {
      target = new URL(url)
    },
    hang() {
      isHanging = true
    },
    release() {
      isHanging = false
      hanging.clear()
      for (const { to, chunk } of held.splice(0)) if (to.writable) to.write(chunk)
    },
    hangingCount: () => hanging.size,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
