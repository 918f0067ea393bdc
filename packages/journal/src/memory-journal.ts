import type { Journal } from './journal.ts'
import type { RecordFiles } from './record-files.ts'
import { createRecordJournal } from './record-journal.ts'

/** A journal that lasts as long as the process: for simulation and for tests of use cases. */
export function createMemoryJournal(): Journal {
  return createRecordJournal(createMemoryFiles())
}

function createMemoryFiles(): RecordFiles {
  const texts = new Map<string, string>()
  return {
    async create(path, text) {
      const kept = texts.get(path)
      if (kept === undefined) texts.set(path, text)
      return kept
    },
    async replace(path, text) {
      texts.set(path, text)
    },
    async remove(path) {
      texts.delete(path)
    },
    read: async (path) => texts.get(path),
    async *list(folder, signal) {
      signal.throwIfAborted()
      const start = `${folder}/`
      for (const path of [...texts.keys()]) {
        const name = path.startsWith(start) ? path.slice(start.length) : ''
        if (name !== '' && !name.includes('/')) yield name
      }
    },
    ping: async () => {},
  }
}
