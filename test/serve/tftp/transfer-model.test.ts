/** Compares the transfer with a model of the wire: any sequence of ACKs, timeouts, and slow files. */
import fc from 'fast-check'
import t from 'tap'
import {
  acknowledge,
  beginTransfer,
  expire,
  hasSendWindow,
  recordSent,
  type Step,
  type Transfer,
} from '../../../src/serve/tftp/transfer.ts'

const blockOctets = 8

type Model = {
  readonly windowBlocks: number
  readonly lastBlock: number
  /** The OACK was not acknowledged yet. */
  isNegotiating: boolean
  acked: number
  highest: number
  isOver: boolean
  /** Blocks sent again since the last progress. */
  resentWithoutProgress: number
}

type Command = fc.Command<Model, Transfer>

function check(isTrue: boolean, what: string, transfer: Transfer): void {
  if (!isTrue) throw new Error(`${what}: ${JSON.stringify(transfer)}`)
}

function afterStep(model: Model, transfer: Transfer, step: Step): void {
  check(transfer.acked === model.acked, `acked is not ${model.acked}`, transfer)
  check(transfer.isNegotiating === model.isNegotiating, 'negotiation', transfer)
  check((step === 'done') === (model.acked === model.lastBlock), `step ${step}`, transfer)
  if (step === 'done' || step === 'gaveUp') model.isOver = true
}

/** Sends up to `most` blocks that the file has ready. */
const send = (most: number): Command => ({
  check: (model) => !model.isOver,
  run(model, transfer) {
    for (let count = 0; count < most && hasSendWindow(transfer); count++) {
      const block = transfer.next
      check(!model.isNegotiating, 'a block before ACK 0', transfer)
      check(block > model.acked && block <= model.acked + model.windowBlocks, `block ${block}`, transfer)
      check(block <= model.lastBlock && block <= model.highest + 1, `block ${block}`, transfer)
      recordSent(transfer, block === model.lastBlock ? blockOctets - 1 : blockOctets)
      model.highest = Math.max(model.highest, block)
    }
  },
  toString: () => `send(${most})`,
})

/** An ACK `offset` blocks from the last accepted one. */
const ack = (offset: number): Command => ({
  check: (model) => !model.isOver,
  run(model, transfer) {
    const block = model.acked + offset
    const before = transfer.retransmissions
    const isForward = !model.isNegotiating && offset > 0 && block <= model.highest
    const isFirst = model.isNegotiating && block === 0
    const step = acknowledge(transfer, block & 0xffff)
    if (isFirst) model.isNegotiating = false
    if (isForward) model.acked = block
    if (isForward || isFirst) model.resentWithoutProgress = 0
    else if (step === 'send') {
      model.resentWithoutProgress++
      check(offset === 0 && model.windowBlocks > 1, 'answered an ACK without progress', transfer)
      check(model.resentWithoutProgress === 1, 'answered a repeated ACK twice', transfer)
    }
    check(transfer.retransmissions === before, 'an ACK by itself sends nothing', transfer)
    afterStep(model, transfer, step)
  },
  toString: () => `ack(${offset})`,
})

const timeout: Command = {
  check: (model) => !model.isOver,
  run(model, transfer) {
    const step = expire(transfer)
    check(step === 'send' || step === 'gaveUp', `timeout gave ${step}`, transfer)
    if (step === 'send' && !model.isNegotiating) {
      check(transfer.next === model.acked + 1, 'the window does not start again', transfer)
    }
    afterStep(model, transfer, step)
  },
  toString: () => 'timeout',
}

t.test('any sequence of events respects the window and never resends without a reason', (t) => {
  const commands = fc.commands(
    [
      fc.integer({ min: 1, max: 6 }).map(send),
      fc.integer({ min: -2, max: 6 }).map(ack),
      fc.constant(timeout),
    ],
    { maxCommands: 60 },
  )
  const start = fc.record({
    windowBlocks: fc.integer({ min: 1, max: 5 }),
    lastBlock: fc.integer({ min: 1, max: 12 }),
    isNegotiating: fc.boolean(),
    // Makes the numbers on the wire roll over.
    shift: fc.constantFrom(0, 65_530),
  })
  fc.assert(
    fc.property(start, commands, ({ windowBlocks, lastBlock, isNegotiating, shift }, sequence) => {
      fc.modelRun(() => {
        const granted = new Map(isNegotiating ? [['blksize', '8']] : [])
        const real = beginTransfer({ blockOctets, windowBlocks, timeoutSeconds: undefined, granted })
        const begun = isNegotiating ? 0 : shift
        Object.assign(real, { acked: begun, next: begun + 1, highest: begun })
        const model = {
          windowBlocks,
          lastBlock: begun + lastBlock,
          isNegotiating,
          acked: begun,
          highest: begun,
          isOver: false,
          resentWithoutProgress: 0,
        }
        return { model, real }
      }, sequence)
    }),
    { numRuns: 300 },
  )
  t.end()
})
