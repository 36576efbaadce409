import t from 'tap'
import { compileHttp } from '../../src/plan/http/compile.ts'
import { renderEmbedded } from '../../src/plan/ipxe/secure.ts'
import { renderBoot } from '../../src/plan/boot/render.ts'
import { overHttp, overHttps } from '../../src/plan/boot/over-https.ts'
import type { NodeModel } from '../../src/plan/model.ts'
import { compileTls, httpsBase, ignitionUrlOf, secretUrl } from '../../src/plan/tls.ts'
import { agentImage, exampleModel, exampleSite, installerImage } from '../support/model.ts'

function secureModel(
  tls: object = { ca: 'generated' },
  change: (site: ReturnType<typeof exampleSite>) => void = () => {},
) {
  const site = exampleSite()
  site.server['tls'] = tls
  change(site)
  return exampleModel(site)
}

const token = '@token-of-the-install@'

t.test('HTTPS listens on a port that neither HAProxy nor the API uses', (t) => {
  const { endpoint } = secureModel({ ca: 'generated' }, (site) => {
    site.server['address6'] = '2001:db8::2'
  })
  t.same(compileTls(endpoint), { port: 8444, addresses: ['192.0.2.2', '2001:db8::2'] })
  t.equal(httpsBase(endpoint), 'https://192.0.2.2:8444')
  t.equal(httpsBase(endpoint, { bootsOverIpv6: true }), 'https://[2001:db8::2]:8444')
  const standard = secureModel({ certificate: '/a.crt', key: '/a.key', ca: '/ca.crt' }, (site) => {
    site.server['ports'] = { https: 443, http: 8080 }
  })
  t.equal(secretUrl(standard.endpoint, '/x'), 'https://192.0.2.2/x')
  t.match(compileTls(standard.endpoint), {
    port: 443,
    files: { certificate: '/a.crt', key: '/a.key', ca: '/ca.crt' },
  })
  t.same(compileTls(secureModel({ certificate: '/a.crt', key: '/a.key' }).endpoint)?.files, {
    certificate: '/a.crt',
    key: '/a.key',
  })
  const plain = exampleModel(exampleSite())
  t.equal(compileTls(plain.endpoint), undefined)
  t.equal(secretUrl(plain.endpoint, '/x'), 'http://192.0.2.2/x')
  t.end()
})

t.test('a loader without HTTPS gets the Ignition URL with https, and the live file by HTTP', (t) => {
  const { plan } = compileHttp(secureModel())
  const { body } = plan.scripts.get('/boot/ocp45/w1/boot.ipxe')!
  t.match(body, ` coreos.inst.ignition_url=https://192.0.2.2:8444/boot/ocp45/w1/${token}/worker.ign `)
  t.match(body, ` ignition.config.url=http://192.0.2.2/boot/ocp45/w1/${token}/live-worker.ign `)
  t.match(body, 'kernel http://192.0.2.2/images/')
  t.notMatch(body, /initrd --name live/)
  t.end()
})

t.test('a loader that trusts the CA gets everything but the rootfs over HTTPS', (t) => {
  const { plan } = compileHttp(secureModel())
  const node = plan.nodes.get('ocp45/w1')!
  const script = plan.scripts.get('/boot/ocp45/w1/boot.ipxe')!
  const secured = overHttps(script.plan(), node.secure!.url)
  const text = renderBoot('ipxe', node, secured, node.secure!.url)
  const urls = [...text.matchAll(/https?:\/\/\S+/g)].map(([url]) => url.replace('192.0.2.2', 'server'))
  t.same(
    urls.filter((url) => url.startsWith('http:')),
    ['http://server/images/rhcos/rhcos-live-rootfs.x86_64.img'],
  )
  t.match(text, / initrd=main initrd=live coreos/)
  t.match(
    text,
    `initrd --name live https://192.0.2.2:8444/boot/ocp45/w1/${token}/live-worker.img || goto failed`,
  )
  t.notMatch(text, /ignition\.config\.url/)
  t.match(text, / ignition\.firstboot ignition\.platform\.id=metal /, 'the live system still runs Ignition')
  t.end()
})

t.test('other boots stay as they are, and another server is asked over HTTPS', (t) => {
  const installerUrl = 'http://192.0.2.9/boot/ocp45/w1/boot.ipxe'
  t.same(overHttps({ kind: 'elsewhere', installerUrl }, 'https://192.0.2.2:8444/x'), {
    kind: 'elsewhere',
    installerUrl: 'https://192.0.2.9:8444/boot/ocp45/w1/boot.ipxe',
  })
  t.same(overHttps({ kind: 'elsewhere', installerUrl }, 'https://192.0.2.2/x'), {
    kind: 'elsewhere',
    installerUrl: 'https://192.0.2.9/boot/ocp45/w1/boot.ipxe',
  })
  t.same(overHttps({ kind: 'local' }, 'https://192.0.2.2/x'), { kind: 'local' })
  const script = {
    kind: 'script',
    role: 'worker',
    source: 'http://192.0.2.7/script',
    arguments: [],
    handoverUrl: 'http://192.0.2.2/boot/ocp45/w1/handover',
  } as const
  const file = (name: string) => ({ name, url: `http://192.0.2.7/${name}` })
  const plain = {
    kind: 'install',
    role: 'worker',
    style: 'script',
    handoverUrl: script.handoverUrl,
    kernel: file('vmlinuz'),
    initramfs: file('initrd'),
    arguments: [],
  } as const
  const handoverUrl = 'https://192.0.2.2:8444/boot/ocp45/w1/handover'
  t.same(overHttps(plain, 'https://192.0.2.2:8444/x'), { ...plain, handoverUrl })
  t.match(overHttps({ ...plain, style: 'system', shim: file('shim') }, 'https://192.0.2.2:8444/x'), {
    handoverUrl,
    kernel: { url: 'https://192.0.2.7:8444/vmlinuz' },
    shim: { url: 'https://192.0.2.7:8444/shim' },
  })
  t.same(
    overHttps(script, 'https://192.0.2.2:8444/x'),
    { ...script, handoverUrl: 'https://192.0.2.2:8444/boot/ocp45/w1/handover' },
    'the script of another installer stays on its server',
  )
  t.end()
})

t.test('an agent image needs a loader that trusts the CA, because its initramfs is a secret', (t) => {
  const site = exampleSite()
  site.server['tls'] = { ca: 'generated' }
  const model = exampleModel(site, { images: new Map([['rhcos', agentImage('/srv/rhcos')]]) })
  const { plan } = compileHttp(model)
  const node = plan.nodes.get('ocp45/w1')!
  const boot = plan.scripts.get('/boot/ocp45/w1/boot.ipxe')!.plan()
  t.match(overHttp(boot, node), {
    kind: 'wait',
    canSkip: false,
    reason: /does not trust the CA of the server/,
  })
  const secured = overHttps(boot, node.secure!.url)
  t.match(secured, { initramfs: { url: /^https:\/\/192\.0\.2\.2:8444\/boot\/ocp45\/w1\// } })
  t.notOk('live' in secured)
  const plainNode = compileHttp(exampleModel(exampleSite())).plan.nodes.get('ocp45/w1')!
  t.equal(overHttp(boot, plainNode), boot)
  t.end()
})

t.test('a single node configures its live system with a file that names the one of its role', (t) => {
  const model = secureModel({ ca: 'generated' }, (site) => {
    site.clusters[0]!.nodes = [
      { name: 'n1', role: 'single', mac: '00:00:5e:00:53:11', address: '192.0.2.11' },
    ]
  })
  const { plan } = compileHttp(model)
  const { body } = plan.scripts.get('/boot/ocp45/n1/boot.ipxe')!
  t.match(body, ` ignition.config.url=http://192.0.2.2/boot/ocp45/n1/${token}/live-single.ign `)
  const node = model.nodes.find(({ key }) => key === 'ocp45/n1') as NodeModel
  t.equal(
    ignitionUrlOf(model.endpoint, node, 'single'),
    `http://192.0.2.2/boot/ocp45/n1/${token}/live-single.ign`,
  )
  t.notMatch(body, /https:/)
  const live = plan.nodes.get('ocp45/n1')!.secure!.liveIgnition('single', { authority: 'CA', sha512: 'abc' })
  t.match(JSON.parse(live), {
    ignition: {
      config: {
        merge: [
          {
            source: `https://192.0.2.2:8444/boot/ocp45/n1/${token}/single.ign`,
            verification: { hash: 'sha512-abc' },
          },
        ],
      },
      security: { tls: { certificateAuthorities: [{ source: 'data:;base64,Q0E=' }] } },
    },
  })
  t.end()
})

t.test('an image of OpenShift 4.5 cannot verify the CA', (t) => {
  const site = exampleSite()
  site.server['tls'] = { ca: 'generated' }
  const model = exampleModel(site, { images: new Map([['rhcos', installerImage('/srv/rhcos')]]) })
  const { findings } = compileHttp(model)
  t.match(findings, [{ code: 'image.no-https', severity: 'error', about: 'image rhcos' }])
  t.end()
})

t.test('the script that is built into iPXE names only the server', (t) => {
  t.equal(
    renderEmbedded(secureModel().endpoint),
    `#!ipxe
# boots from slipway over HTTPS

:start
ifconf || goto failed
chain --replace --autofree https://192.0.2.2:8444/boot.ipxe ||
:failed
prompt --key 0x02 --timeout 5000 Ctrl-B for the iPXE shell, or wait 5 s && shell ||
goto start
`,
  )
  t.end()
})
