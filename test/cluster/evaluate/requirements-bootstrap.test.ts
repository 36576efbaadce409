import t from 'tap'
import {
  addCheck,
  hasPassed,
  isComplete,
  passingForMs,
  startChecks,
} from '../../../src/cluster/evaluate/requirements.ts'
import { bootstrapConfigMap } from '../../support/cluster-objects.ts'

const createdAt = (creationTimestamp?: string) => {
  const { metadata, ...rest } = bootstrapConfigMap('complete')
  return { ...rest, metadata: { ...metadata, ...(creationTimestamp && { creationTimestamp }) } }
}

t.test('the ConfigMap of an earlier installation does not count', (t) => {
  const installedFrom = Date.UTC(2026, 0, 1, 12)
  t.equal(isComplete([], undefined), false)
  t.equal(isComplete([bootstrapConfigMap()], undefined), false)
  t.equal(isComplete([createdAt()], undefined), true)
  t.equal(isComplete([createdAt()], installedFrom), false, 'without a time')
  t.equal(isComplete([createdAt('2026-01-01T11:59:59Z')], installedFrom), false)
  t.equal(isComplete([createdAt('2026-01-01T12:00:00Z')], installedFrom), true)
  t.end()
})

t.test('checks have to pass for three minutes without a failure', (t) => {
  const first = addCheck(startChecks(undefined), true, 1000)
  const later = addCheck(first, true, 90_000)
  t.equal(hasPassed(later, 1000 + passingForMs - 1), false)
  t.equal(hasPassed(later, 1000 + passingForMs), true)
  const failed = addCheck(later, false, 100_000)
  t.equal(hasPassed(failed, 999_999), false)
  t.equal(hasPassed(addCheck(failed, true, 110_000), 110_000 + passingForMs), true)
  t.end()
})

t.test('after a reinstallation, checks count only after one failed', (t) => {
  const before = addCheck(startChecks(1), true, 0)
  t.equal(hasPassed(before, passingForMs), false)
  const after = addCheck(addCheck(before, false, 10), true, 20)
  t.equal(hasPassed(after, 20 + passingForMs), true)
  t.end()
})
