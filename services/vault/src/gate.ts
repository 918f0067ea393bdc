/**
 * Lets many tasks of one kind run together, or one task alone. First come, first served: a task
 * that wants to be alone is not overtaken by later ones that would share.
 */
export interface Gate {
  readonly shared: <Result>(task: () => Promise<Result>) => Promise<Result>
  readonly exclusive: <Result>(task: () => Promise<Result>) => Promise<Result>
}

export function createGate(): Gate {
  const waiting: { readonly isExclusive: boolean; readonly start: () => void }[] = []
  let sharing = 0
  let isExclusive = false

  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (isExclusive || (next.isExclusive && sharing > 0)) return
      waiting.shift()
      if (next.isExclusive) isExclusive = true
      else sharing += 1
      next.start()
    }
  }

  const run = async <Result>(alone: boolean, task: () => Promise<Result>): Promise<Result> => {
    await new Promise<void>((resolve) => {
      waiting.push({ isExclusive: alone, start: resolve })
      admit()
    })
    try {
      return await task()
    } finally {
      if (alone) isExclusive = false
      else sharing -= 1
      admit()
    }
  }

  return {
    shared: (task) => run(false, task),
    exclusive: (task) => run(true, task),
  }
}
