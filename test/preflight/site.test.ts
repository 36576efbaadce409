import t from 'tap'
import { compile } from '../../src/plan/compile.ts'
import { haproxyCheck, imagesCheck, siteCheck } from '../../src/preflight/site.ts'
import { exampleModel, missing } from '../support/model.ts'
import { runCheck } from '../support/probes.ts'

t.test('findings of the plan are failures and warnings with their codes', async (t) => {
  const loaders = new Map(exampleModel().facts.loaders)
  loaders.set('bios/undionly.kpxe', missing('/usr/lib/ipxe', 'install ipxe'))
  const plan = compile(exampleModel(undefined, { loaders }))
  t.match(await runCheck(siteCheck, {}, { plan }), [
    { status: 'failure', code: 'tftp.loader-missing', text: /^loader bios\/undionly\.kpxe: / },
    { status: 'warning', code: 'dns.forward-empty' },
  ])
})

t.test('HAProxy validates the configuration', async (t) => {
  const withHaproxy = (site: object) => Object.assign(site, { haproxy: { file: '/etc/haproxy/haproxy.cfg' } })
  const check = (kind: 'done' | 'failed' | 'missing') =>
    runCheck(
      haproxyCheck,
      { validateHaproxy: () => Promise.resolve({ kind, reason: 'unknown keyword' }) },
      {},
      withHaproxy,
    )
  t.match(await check('done'), [{ status: 'ok' }])
  t.match(await check('missing'), [{ status: 'warning', code: 'haproxy.not-validated' }])
  t.match(await check('failed'), [
    { status: 'failure', code: 'haproxy.config-rejected', text: /unknown keyword$/ },
  ])
})

t.test('compares the checksums of the images that nodes boot', async (t) => {
  const check = (integrity: object | undefined) =>
    runCheck(imagesCheck, { verifyImage: () => Promise.resolve(integrity as undefined) })
  const whole = (signing: object) => check({ kind: 'whole', files: 3, signing })
  t.match(await whole({ kind: 'signed', keys: ['F00D'] }), [
    { status: 'ok', text: 'rhcos: 3 files with the correct checksum, signed with F00D' },
  ])
  t.match(await whole({ kind: 'not-verified', reason: 'the release has no signature of kernel' }), [
    { status: 'ok', text: /; signatures not verified: the release has no signature of kernel$/ },
  ])
  t.match(await whole({ kind: 'wrong', problems: ['/srv/rhcos/kernel does not match its signature'] }), [
    { status: 'failure', code: 'preflight.image-signature-wrong', text: /^rhcos: \/srv/ },
  ])
  t.match(await check({ kind: 'damaged', problems: ['/srv/rhcos/kernel has 7 bytes, expected 8'] }), [
    { status: 'failure', code: 'preflight.image-damaged', text: '/srv/rhcos/kernel has 7 bytes, expected 8' },
  ])
  t.match(await check({ kind: 'unknown' }), [{ status: 'warning', code: 'preflight.image-unverified' }])
  t.match(await check(undefined), [{ status: 'ok', text: 'there is no image to verify' }])
})
