import t from 'tap'
import { ask, controlService } from '../../support/control-service.ts'
import { samplePowerReport } from '../../support/sample-power.ts'

const w1 = '/v1/nodes/ocp45/w1/power'
const fingerprint = `AA${':0B'.repeat(31)}`

t.test('a report, and why there is none', async (t) => {
  const { path } = await controlService(t)
  t.same(await ask(path, w1), { status: 200, body: samplePowerReport })
  t.match(await ask(path, '/v1/nodes/ocp45/m1/power'), {
    status: 502,
    body: { code: 'bmc.credentials-refused', error: /^BMC 172\.16\.0\.202 refused/ },
  })
  t.match(await ask(path, '/v1/nodes/ocp45/w9/power'), {
    status: 404,
    body: { code: 'bmc.not-declared' },
  })
})

t.test('commands name the user, and invalid ones are refused', async (t) => {
  const { path, requests } = await controlService(t)
  const headers = { 'slipway-user': 'alice' }
  t.same((await ask(path, `${w1}/cycle?boot=network`, 'POST', headers)).body, samplePowerReport)
  t.equal((await ask(path, `${w1}/boot?boot=normal`, 'POST', headers)).status, 200)
  t.equal((await ask(path, `${w1}/off`, 'POST')).status, 200)
  t.same(requests, [
    'power ocp45/w1 cycle network local:alice',
    'power ocp45/w1 boot normal local:alice',
    'power ocp45/w1 off  local',
  ])
  t.match(await ask(path, `${w1}/reset`, 'POST'), {
    status: 404,
    body: { error: 'unknown power command reset: use one of on, off, force-off, cycle, boot' },
  })
  for (const wrong of ['on?boot=disk', 'boot'])
    t.match(await ask(path, `${w1}/${wrong}`, 'POST'), {
      status: 400,
      body: { error: 'boot must be one of network, normal' },
    })
})

t.test('a certificate is accepted by its fingerprint', async (t) => {
  const { path, requests } = await controlService(t)
  t.same(await ask(path, `${w1}/trust?fingerprint=${fingerprint}`, 'POST'), {
    status: 200,
    body: { fingerprint },
  })
  t.same(requests, [`trust ocp45/w1 ${fingerprint} local`])
  for (const wrong of ['', '?fingerprint=AA'])
    t.match(await ask(path, `${w1}/trust${wrong}`, 'POST'), {
      status: 400,
      body: { code: 'server.bad-request' },
    })
  t.match(await ask(path, `/v1/nodes/ocp45/m1/power/trust?fingerprint=${fingerprint}`, 'POST'), {
    status: 502,
  })
})

t.test('an armed node is restarted if the request or the site asks for it', async (t) => {
  const { path, requests } = await controlService(t)
  const install = (node: string, query = '') => ask(path, `/v1/nodes/ocp45/${node}/install${query}`, 'POST')
  t.notMatch(await install('w1'), { body: { power: {} } })
  t.same(requests, [])
  t.match(await install('w1', '?power=true'), {
    status: 200,
    body: { mode: 'install', power: { power: 'on' } },
  })
  t.match(await install('m1', '?power=false'), { status: 200 })
  t.same(requests, ['power ocp45/w1 cycle network local'])
  t.match(await install('m1'), {
    status: 200,
    body: { mode: 'install', powerProblem: { code: 'bmc.credentials-refused' } },
  })
  t.same(requests.at(-1), 'power ocp45/m1 cycle network local', 'power: managed')
})
