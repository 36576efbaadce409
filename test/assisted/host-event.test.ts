/** What hosts of the assisted service mean for their nodes. */
import t from 'tap'
import { eventOf } from '../../src/assisted/host-event.ts'
import { readHosts } from '../../src/assisted/hosts.ts'
import { assistedHost } from '../support/assisted-host.ts'
import { hostProblems } from '../support/assisted-openapi.ts'

const event = (host: object) => eventOf(readHosts(JSON.stringify([{ ...assistedHost, ...host }]))[0]!)

t.test('each state is progress, an installed disk, or an error', (t) => {
  const validations_info = JSON.stringify({
    hardware: [
      { id: 'has-min-memory', status: 'failure', message: 'Require at least 8.35 GiB RAM' },
      { id: 'has-inventory', status: 'success', message: 'Valid inventory' },
    ],
    network: ['a', 'b', 'c'].map((id) => ({ id, status: 'error', message: `${id} failed` })),
  })
  const progress = { current_stage: 'Writing image to disk', installation_percentage: 42 }
  const expected: [object, string, string][] = [
    [{ status: 'discovering' }, 'assisted', 'discovering'],
    [
      { status: 'insufficient', validations_info },
      'assisted',
      'insufficient: Require at least 8.35 GiB RAM; a failed; b failed; 1 more',
    ],
    [{ status: 'known' }, 'assisted', 'known: ready, start the installation in the assisted service'],
    [{ status: 'disconnected' }, 'assisted', 'disconnected: its agent no longer reports, check its network'],
    [
      { status: 'installing-in-progress', progress },
      'assisted',
      'installing-in-progress: Writing image to disk, 42 %',
    ],
    [
      { status: 'installing-in-progress', progress: { current_stage: 'Rebooting' } },
      'assisted',
      'installing-in-progress: Rebooting',
    ],
    [{ status: 'a-state-of-2030' }, 'assisted', 'a-state-of-2030'],
    [{ status: 'installed' }, 'assisted-installed', 'installed'],
    [{ status: 'added-to-existing-cluster' }, 'assisted-installed', 'added-to-existing-cluster'],
    [
      { status: 'installing-pending-user-action', status_info: 'Expected the host to boot\nfrom disk' },
      'assisted-failed',
      'installing-pending-user-action: Expected the host to boot from disk',
    ],
    [{ status: 'error', progress: { current_stage: 'Failed' } }, 'assisted-failed', 'error: Failed'],
    [{ status: 'cancelled' }, 'assisted-failed', 'cancelled: no reason given'],
  ]
  for (const [host, word, reason] of expected) t.same(event(host), { word, reason })
  const unknown = expected.flatMap(([host]) => hostProblems({ ...assistedHost, ...host }))
  t.same(unknown, ['Host.status is never "a-state-of-2030"'], 'the others are hosts of the service')
  t.equal(event({ status: 'error', status_info: 'x'.repeat(2000) }).reason.length, 400)
  t.end()
})
