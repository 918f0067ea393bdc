import type { Socket } from 'node:net'

/**
 * Breaks a connection as a crash does. One that is being ended is destroyed instead: Node 24 loses
 * the handle of a socket that is reset during its shutdown, and then spins for ever at its exit.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
