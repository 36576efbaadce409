import t from 'tap'
import { undeclaredLines } from '../../src/cli/text/undeclared.ts'
import { declaredAnswer, declaredAs } from '../../src/cli/undeclared-answer.ts'
import { compile } from '../../src/plan/compile.ts'
import { parseMac, type Mac } from '../../src/proto/address/mac.ts'
import type { Firmware } from '../../src/simulate/dhcp-profiles.ts'
import type { UndeclaredBoot } from '../../src/simulate/undeclared.ts'
import { address } from '../support/dhcp-message.ts'
import { guest, inventorySite } from '../support/inventory-site.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

type Given = { readonly mac?: string; readonly firmware?: Firmware; readonly relay?: string }

function answer(model = exampleModel(), { mac = guest, firmware = 'uefi', relay }: Given = {}) {
  const given = { mac: parseMac(mac) as Mac, firmware, ...(relay !== undefined && { relay: address(relay) }) }
  return declaredAnswer(model.site, compile(model), given)
}

const without =
  'With the section inventory in the site file, slipway boots it into a system that reports its hardware.'

t.test('without an inventory boot, an undeclared machine gets nothing', (t) => {
  t.same(answer(), {
    kind: 'none',
    code: 'dhcp.no-reservation',
    reason: `no reservation for ${guest} on 192.0.2.0/24`,
    hints: [without],
  })
  t.match(answer(exampleModel(), { mac: '00:00:5e:00:35:11' }), {
    hints: [
      'The address is similar to ocp45/m1 (00:00:5e:00:53:11): correct the MAC address in the site file if this is the machine.',
      without,
    ],
  })
  t.end()
})

t.test('with an inventory boot, x86_64 machines on its network boot it', (t) => {
  const model = exampleModel(inventorySite())
  for (const firmware of ['uefi', 'bios', 'uefi-http'] as const)
    t.same(answer(model, { firmware }), { kind: 'inventory' }, firmware)
  t.match(answer(model, { firmware: 'arm64' }), {
    code: 'dhcp.no-reservation',
    hints: ['The inventory system does not support the firmware arm64: it is for x86_64.'],
  })
  t.match(answer(model, { relay: '198.51.100.1' }), { code: 'dhcp.unknown-relay', hints: [] })
  const { server, ...site } = inventorySite()
  const peers = { ...server, peers: ['192.0.2.3'], installer: '192.0.2.3' }
  t.match(answer(exampleModel({ ...site, server: peers })), {
    hints: ['Only the server in server.installer boots undeclared machines; ask that one.'],
  })
  t.end()
})

t.test('a declared machine is named', (t) => {
  const site = exampleSite()
  const named = (mac: string) => declaredAs(exampleModel(site), parseMac(mac) as Mac)
  t.equal(named('00:00:5e:00:53:11'), 'the site declares it as node ocp45/m1; use --node ocp45/m1')
  t.equal(named(guest), undefined)
  const host = { name: 'printer.example.net', mac: guest, address: '192.0.2.77' }
  const withHost = exampleModel({ ...site, hosts: [host] } as never)
  t.equal(
    declaredAs(withHost, parseMac(guest) as Mac),
    'the site declares it as printer.example.net, which boots nothing from slipway',
  )
  t.end()
})

t.test('a sentence for each outcome', (t) => {
  const boot = (isBooted: boolean, ending: string): UndeclaredBoot => ({
    mac: guest as Mac,
    firmware: 'uefi',
    isBooted,
    ending,
    events: [{ step: 'DHCP firmware', atMs: 1, durationMs: 2, octets: 0, text: 'a problem' }],
    durationMs: 3,
    octets: 0,
  })
  const output = { columns: 80, usesColor: false }
  t.same(undeclaredLines(boot(true, 'gets no answer'), answer(), output), [
    '52:54:00:00:00:09  undeclared, UEFI',
    '     1 ms   DHCP firmware  a problem                                        2 ms',
    '     3 ms ✓ gets no answer                                                  3 ms',
    '',
    '52:54:00:00:00:09 gets no answer: no reservation for 52:54:00:00:00:09 on',
    '192.0.2.0/24 (dhcp.no-reservation). With the section inventory in the site file,',
    'slipway boots it into a system that reports its hardware.',
  ])
  t.same(undeclaredLines(boot(false, ''), { kind: 'inventory' }, output).slice(-1), [
    '52:54:00:00:00:09 does not get what the site file declares: see the failed step.',
  ])
  t.end()
})
