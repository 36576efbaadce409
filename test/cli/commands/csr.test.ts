import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { approveRequests, csr, csrLines } from '../../../src/cli/commands/csr.ts'
import { controlService, socketPath } from '../../support/control-service.ts'
import { fakeSlipway } from '../../support/fake-slipway.ts'
import { keptTerminal } from '../../support/terminal.ts'
import type { PendingCsr, PendingCsrs } from '../../../src/cluster/csr/approver.ts'

t.test('slipway csr list, as text and as JSON', async (t) => {
  const path = socketPath(t)
  const clusters = [{ cluster: 'ocp45', approve: 'declared', approved: 2, requests: [] }]
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`)
    response.end(JSON.stringify(clusters))
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const run = async (...args: string[]) => {
    const terminal = keptTerminal()
    t.equal(await csr.run([...args, '--control', path], terminal), 0)
    return terminal.outLines.join('\n')
  }
  t.equal(await run('list'), 'ocp45: none pending, 2 approved')
  t.same(JSON.parse(await run('list', '--json')), clusters)
  t.same(asked, ['GET /v1/csrs', 'GET /v1/csrs'])
})

t.test('an unknown argument is refused, and a slipway that is not running is reported', async (t) => {
  const terminal = keptTerminal()
  for (const args of [['deny'], ['list', 'x']]) {
    const message = 'expected list, or approve and names'
    await t.rejects(csr.run(args, terminal), { name: 'UsageError', message })
  }
  const message = 'expected the name of a request'
  await t.rejects(csr.run(['approve'], terminal), { name: 'UsageError', message })
  t.equal(await csr.run(['list', '--control', '/nonexistent/socket'], terminal), 1)
  t.match(terminal.errLines, [
    /^slipway: cannot reach slipway at \/nonexistent\/socket: the socket does not exist/,
  ])
})

const now = Date.UTC(2026, 0, 1)
const paper = { columns: 72, usesColor: false }

const request = (more: Partial<PendingCsr> = {}): PendingCsr => ({
  name: 'csr-8xq2f',
  createdAt: now - 240_000,
  signer: 'kubernetes.io/kubelet-serving',
  username: 'system:node:w1.ocp45.example.net',
  code: 'csr.address-not-declared',
  reason: 'the address 192.0.2.11 is not declared for ocp45/w1',
  ...more,
})
const cluster = (more: Partial<PendingCsrs> = {}): PendingCsrs => ({
  cluster: 'ocp45',
  approve: 'declared',
  approved: 12,
  requests: [],
  ...more,
})

t.test('each request has its requester, age, and reason', (t) => {
  const bad = request({
    name: 'x',
    createdAt: 0,
    signer: 'a\u001b[2Jb',
    username: '',
    reason:
      'its request is not exactly one CERTIFICATE REQUEST in PEM, and this continues for more than a line',
  })
  t.same(
    csrLines(
      [
        cluster({ requests: [request(), bad] }),
        cluster({ cluster: 'lab', approve: 'dry-run', approved: 0, trouble: 'connection refused' }),
      ],
      now,
      paper,
    ),
    [
      'ocp45: 2 pending, 12 approved',
      '  csr-8xq2f  kubelet-serving  system:node:w1.ocp45.example.net  4 min a…',
      '    the address 192.0.2.11 is not declared for ocp45/w1',
      '  x  a?[2Jb    at an unknown time',
      '    its request is not exactly one CERTIFICATE REQUEST in PEM, and this',
      '    continues for more than a line',
      '',
      'lab: none pending, dry run',
      '    ! connection refused',
    ],
  )
  t.end()
})

t.test('reports that the site enables no approval', (t) => {
  t.same(csrLines([], now, paper), [
    'slipway does not approve certificate requests of any cluster (key "approve")',
  ])
  t.end()
})

t.test('approve shows the reason, and asks once', async (t) => {
  const { path, lines } = await controlService(t)
  const questions: string[] = []
  const run = async (answer: string | undefined, isConfirmed = false, isJson = false) => {
    const terminal = keptTerminal()
    const request = { control: path, names: ['csr-a', 'csr-a'], isConfirmed, isJson }
    const code = await approveRequests(request, terminal, (question) => {
      questions.push(question)
      return Promise.resolve(answer)
    })
    return { code, out: terminal.outLines, err: terminal.errLines }
  }
  const shown = [
    /^ocp45: csr-a {2}kubelet-serving {2}system:node:w9\.ocp45\.example\.net/,
    '    pending because no node w9.ocp45.example.net is declared',
  ]
  t.match(await run('no'), { code: 1, out: shown, err: ['slipway csr approve: nothing was approved'] })
  t.match(await run(undefined), { code: 1, err: [/; repeat the command with --yes$/] })
  t.notMatch(lines.join(''), '/approve')
  t.match(await run('yes'), { code: 0, out: [...shown, 'csr-a: approved'] })
  t.same(questions, ['Type yes to approve: ', 'Type yes to approve: ', 'Type yes to approve: '])
  const { out } = await run(undefined, true, true)
  t.match(JSON.parse(out.join('')), [{ request: 'csr-a' }])
  t.equal(questions.length, 3, 'no question with --yes')
  const terminal = keptTerminal()
  t.equal(await csr.run(['approve', '--yes', 'ocp45/csr-a', '--control', path], terminal), 0)
})

t.test('approve names similar requests, and the clusters of a name that several have', async (t) => {
  const requests = [request({ name: 'csr-a' })]
  const { path } = await fakeSlipway(t, {
    'GET /v1/csrs': [cluster({ requests }), cluster({ cluster: 'ocp46', requests })],
  })
  const run = (name: string) => csr.run(['approve', '--yes', name, '--control', path], keptTerminal())
  await t.rejects(run('csr-b'), { message: 'there is no pending request csr-b (did you mean csr-a?)' })
  await t.rejects(run('csr-a'), {
    message: 'several clusters have a request csr-a: use ocp45/csr-a or ocp46/csr-a',
  })
})
