import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { resetSocket } from './reset-socket.ts'

/** What happens to bytes and connections; a change reaches those that are open, too. */
export type ProxyMode =
  | { readonly type: 'pass' }
  /** New connections are reset, old ones too. */
  | { readonly type: 'refuse' }
  /** Nothing moves either way, as behind a firewall that drops; it moves again in the next mode. */
  | { readonly type: 'hold' }
  /** The client's bytes arrive, no answer comes back, and no end either. */
  | { readonly type: 'half-open' }
  | { readonly type: 'latency'; readonly delayMs: number }
  /** Each connection is reset once so many bytes came from its client. */
  | { readonly type: 'reset-after'; readonly bytes: number }

export interface ChaosProxy extends AsyncDisposable {
  readonly port: number
  /** Takes effect at once, on open connections as well. */
  readonly set: (mode: ProxyMode) => void
  readonly connectionCount: () => number
  /** Connections that were reset or refused, and chunks that were held, delayed or swallowed. */
  readonly disturbedCount: () => number
}

interface Pair {
  readonly upstream: Socket
  readonly cut: () => void
  sentBytes: number
  /** One end is gone, whether or not the other can know. */
  isBroken: boolean
}

/** A TCP proxy to a port of the loopback interface that can be made to misbehave. */
export async function openChaosProxy(targetPort: number): Promise<ChaosProxy> {
  const state: State = { mode: { type: 'pass' }, pairs: new Set(), held: [], disturbed: 0 }
  const server = createServer((client) => accept(state, client, targetPort))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('No TCP address')
  const cutAll = (): void => {
    for (const { cut } of [...state.pairs]) cut()
  }
  return {
    port: address.port,
    connectionCount: () => state.pairs.size,
    disturbedCount: () => state.disturbed,
    set(next) {
      const before = state.mode.type
      state.mode = next
      if (next.type === 'refuse') cutAll()
      // What a half-open connection swallowed is gone: its stream makes no sense any more.
      if (before === 'half-open') cutAll()
      if (before === 'hold') release(state)
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      cutAll()
      await closed
    },
  }
}

interface State {
  mode: ProxyMode
  readonly pairs: Set<Pair>
  readonly held: { readonly to: Socket; readonly chunk: Buffer }[]
  disturbed: number
}

/** What was held goes on; who spoke with somebody who is gone is told. */
function release({ held, pairs }: State): void {
  for (const { to, chunk } of held.splice(0)) send(to, chunk)
  for (const { isBroken, cut } of [...pairs]) if (isBroken) cut()
}

function accept(state: State, client: Socket, targetPort: number): void {
  if (state.mode.type === 'refuse') {
    state.disturbed += 1
    client.on('error', () => {})
    resetSocket(client)
    return
  }
  const upstream = connect(targetPort, '127.0.0.1')
  const cut = (): void => {
    resetSocket(client)
    resetSocket(upstream)
    state.pairs.delete(pair)
  }
  const pair: Pair = { upstream, cut, sentBytes: 0, isBroken: false }
  state.pairs.add(pair)
  client.on('data', (chunk) => move(state, pair, { to: upstream, chunk }))
  upstream.on('data', (chunk) => move(state, pair, { to: client, chunk }))
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on('error', () => {})
    one.on('close', () => {
      // A dead peer is not noticed behind a firewall that drops; what it sent is still on its way.
      pair.isBroken = true
      if (state.mode.type === 'hold' || state.mode.type === 'half-open') return
      state.pairs.delete(pair)
      other.destroy()
    })
  }
}

function move(
  state: State,
  pair: Pair,
  { to, chunk }: { readonly to: Socket; readonly chunk: Buffer },
): void {
  const { mode } = state
  if (to === pair.upstream) pair.sentBytes += chunk.length
  if (mode.type !== 'pass') state.disturbed += 1
  switch (mode.type) {
    case 'pass':
      send(to, chunk)
      break
    case 'refuse':
      pair.cut()
      break
    case 'hold':
      state.held.push({ to, chunk })
      break
    case 'half-open':
      if (to === pair.upstream) send(to, chunk)
      break
    case 'latency':
      // In order: equal timers fire in the order in which they were set.
      setTimeout(() => send(to, chunk), mode.delayMs)
      break
    case 'reset-after':
      if (pair.sentBytes >= mode.bytes) pair.cut()
      else send(to, chunk)
  }
}

function send(to: Socket, chunk: Buffer): void {
  if (to.writable) to.write(chunk)
}
