/**
 * Process 1 of a container has no default action for signals: SIGTERM would be lost while the
 * service still loads its modules, and the container be killed at the end of its grace. Ends the
 * process until the service listens itself.
 */
const exit = () => process.exit(0)

for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, exit)

process.on('newListener', (signal, listener) => {
  // Not before the new one is there: Node stops to watch a signal that nobody listens to.
  if (listener !== exit) process.nextTick(() => process.off(signal, exit))
})
