import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MIB } from '@firn/core'
import fc from 'fast-check'
import { createMemoryArena, type MemoryLoan } from './memory-arena.ts'

const never = new AbortController().signal
const place = ({ bytes }: MemoryLoan) => ({
  start: bytes.byteOffset,
  end: bytes.byteOffset + bytes.length,
})

describe('createMemoryArena()', () => {
  it('never lends a byte twice nor more than it has, and serves everybody in order', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 4 * MIB }), { minLength: 1, maxLength: 40 })
    const property = fc.asyncProperty(sizes, fc.infiniteStream(fc.nat()), async (wanted, picks) => {
      const arena = createMemoryArena(4 * MIB)
      const served: number[] = []
      const lent: MemoryLoan[] = []
      const all = wanted.map(async (sizeBytes, index) => {
        const loan = await arena.borrow(sizeBytes, never)
        assert.equal(loan.bytes.length, sizeBytes)
        served.push(index)
        lent.push(loan)
      })
      while (served.length < wanted.length || lent.length > 0) {
        await new Promise(setImmediate)
        const places = lent.map(place).sort((a, b) => a.start - b.start)
        for (const [index, { start, end }] of places.entries()) {
          assert.ok(start >= (places[index - 1]?.end ?? 0) && end <= 4 * MIB)
        }
        assert.ok(lent.length > 0, 'nothing is lent although somebody waits')
        lent.splice((picks.next().value ?? 0) % lent.length, 1)[0]?.[Symbol.dispose]()
      }
      await Promise.all(all)
      assert.deepEqual(served, [...wanted.keys()])
      using whole = await arena.borrow(4 * MIB, never)
      assert.equal(whole.bytes.length, 4 * MIB)
    })
    await fc.assert(property, { numRuns: 30 })
  })

  it('gives the same memory again, uncleared, and takes a loan back once only', async () => {
    const arena = createMemoryArena(MIB)
    const first = await arena.borrow(MIB, never)
    first.bytes.fill(7)
    first[Symbol.dispose]()
    const second = await arena.borrow(MIB / 2, never)
    assert.equal(second.bytes.buffer, first.bytes.buffer)
    assert.equal(second.bytes[0], 7)
    first[Symbol.dispose]()
    const third = await arena.borrow(MIB / 2, never)
    assert.notEqual(third.bytes.byteOffset, second.bytes.byteOffset)
  })

  it('lets a waiter go when it is aborted, and serves the one behind it at once', async () => {
    const arena = createMemoryArena(2 * MIB)
    const held = await arena.borrow(MIB, never)
    const impatient = new AbortController()
    const big = arena.borrow(2 * MIB, impatient.signal)
    const small = arena.borrow(MIB, never)
    impatient.abort(new Error('cancelled'))
    await assert.rejects(big, /cancelled/)
    assert.notEqual((await small).bytes.byteOffset, held.bytes.byteOffset)
    await assert.rejects(arena.borrow(1, AbortSignal.abort(new Error('late'))), /late/)
  })
})
