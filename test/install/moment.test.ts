/** The identity of a boot, which decides whether two monotonic times can be compared. */
import { join } from 'node:path'
import t from 'tap'
import { bootEpoch } from '../../src/install/moment.ts'

t.test('the boot ID of the kernel is the same for every process', (t) => {
  const path = join(t.testdir({ boot_id: '01234567-89ab-cdef-0123-456789abcdef\n' }), 'boot_id')
  t.equal(bootEpoch(path), '01234567-89ab-cdef-0123-456789abcdef')
  t.equal(bootEpoch(path), bootEpoch(path))
  t.end()
})

t.test('without a boot ID, times of two processes are never compared', (t) => {
  const path = join(t.testdir(), 'boot_id')
  t.match(bootEpoch(path), /^process-[0-9a-f-]{36}$/)
  t.not(bootEpoch(path), bootEpoch(path))
  t.end()
})
