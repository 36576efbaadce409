import t from 'tap'
import { runScript, type ScriptOutcome } from '../../src/simulate/ipxe-script.ts'

const base = 'http://192.0.2.1/boot/c1/m1/boot.ipxe'
const run = (...lines: string[]): ScriptOutcome =>
  runScript(['#!ipxe', ...lines, ''].join('\n'), base, new Map([['net0/mac', '00:00:5e:00:53:01']]))

const cases: { name: string; lines: string[]; outcome: ScriptOutcome }[] = [
  {
    name: 'an installation: kernel with its arguments, named initrd, boot',
    lines: [
      'kernel http://192.0.2.1/vmlinuz initrd=main ip=dhcp',
      'initrd --name main http://192.0.2.1/initramfs.img',
      'boot',
    ],
    outcome: {
      kind: 'boot',
      kernel: { url: 'http://192.0.2.1/vmlinuz', name: 'vmlinuz', arguments: ['initrd=main', 'ip=dhcp'] },
      initrds: [{ url: 'http://192.0.2.1/initramfs.img', name: 'main', arguments: [] }],
    },
  },
  {
    name: 'imgfree with a name removes only that image',
    lines: ['kernel /new', 'imgfetch --name old /old', 'initrd --name main /main', 'imgfree old', 'boot'],
    outcome: {
      kind: 'boot',
      kernel: { url: 'http://192.0.2.1/new', name: 'new', arguments: [] },
      initrds: [{ url: 'http://192.0.2.1/main', name: 'main', arguments: [] }],
    },
  },
  {
    name: 'imgfree removes the images before it',
    lines: ['initrd /old', 'kernel /old', 'imgfree', 'kernel /new', 'boot'],
    outcome: {
      kind: 'boot',
      kernel: { url: 'http://192.0.2.1/new', name: 'new', arguments: [] },
      initrds: [],
    },
  },
  {
    name: 'the URL of chain can be relative to the script and contain settings',
    lines: ['echo', 'echo a menu   follows', 'chain --autofree ../menu.ipxe?mac=${net0/mac:hexhyp} || shell'],
    outcome: {
      kind: 'chain',
      url: 'http://192.0.2.1/boot/c1/menu.ipxe?mac=00-00-5e-00-53-01',
      printed: ['a menu follows'],
    },
  },
  {
    name: 'a menu selects its default after the time-out, and goto jumps to its label',
    lines: [
      ':start',
      'menu Install',
      'item --gap -- nothing',
      'item --key m master Install a master',
      'item local Boot the local disk',
      'choose --default local --timeout 30000 selected || goto start',
      'goto ${selected}',
      ':master',
      'boot',
      ':local',
      'sanboot --no-describe --drive 0x80 || exit 0',
    ],
    outcome: { kind: 'local', command: 'sanboot' },
  },
  {
    name: 'the item marked as default is selected if choose has no default',
    lines: ['menu', 'item a', 'item --default b', 'choose --timeout 1 x', 'iseq ${x} b && exit || shell'],
    outcome: { kind: 'local', command: 'exit' },
  },
  {
    name: 'the first item is selected if there is no default',
    lines: ['menu', 'item a', 'item b', 'choose --timeout 1 x', 'iseq ${x} a && reboot ||', 'shell'],
    outcome: { kind: 'restarts', command: 'reboot' },
  },
  {
    name: 'a menu without a time-out waits',
    lines: ['menu', 'item a', 'choose x'],
    outcome: { kind: 'waits', command: 'menu' },
  },
  { name: 'a shell waits', lines: ['shell'], outcome: { kind: 'waits', command: 'shell' } },
  {
    name: 'a prompt without a key press fails after its time-out',
    lines: ['prompt --key 0x02 --timeout 2000 Press Ctrl-B && shell || exit 1'],
    outcome: { kind: 'local', command: 'exit' },
  },
  {
    name: 'a prompt without a time-out waits',
    lines: ['prompt'],
    outcome: { kind: 'waits', command: 'prompt' },
  },
  {
    name: 'a setting is set, tested and cleared',
    lines: ['set a b c', 'iseq ${a} b', 'clear a', 'isset ${a} || poweroff'],
    outcome: { kind: 'refused', reason: 'line 3: fails and ends the script: iseq ${a} b' },
  },
  {
    name: 'isset fails for a setting that was cleared',
    lines: ['set a b', 'clear a', 'isset ${a} || poweroff'],
    outcome: { kind: 'restarts', command: 'poweroff' },
  },
  {
    name: 'a skipped command does not change the result, and an empty command after || succeeds',
    lines: ['iseq a b && goto rest ||', 'iseq a b || iseq a b || echo && reboot', ':rest'],
    outcome: { kind: 'restarts', command: 'reboot' },
  },
  {
    name: 'inc counts, so that a script can stop after some attempts',
    lines: [
      'set try:int32 0',
      ':again',
      'inc try',
      'iseq ${try} 3 && poweroff ||',
      'inc try ${try}',
      'goto again',
    ],
    outcome: { kind: 'restarts', command: 'poweroff' },
  },
  {
    name: 'inc of a text',
    lines: ['set try x', 'inc try'],
    outcome: { kind: 'refused', reason: 'line 3: inc try: its value is not a number' },
  },
  {
    name: '|| runs the next command only after a failure',
    lines: ['echo hello || shell', 'isset x && sleep 1 && exit'],
    outcome: { kind: 'local', command: 'exit' },
  },
  { name: 'nothing to do ends at the end', lines: [], outcome: { kind: 'local', command: 'end of script' } },
  {
    name: 'an unknown command',
    lines: ['', 'frobnicate now'],
    outcome: {
      kind: 'refused',
      reason:
        'line 3: the simulator does not support the command "frobnicate", only kernel, initrd, boot, chain, imgfetch, imgfree, set, ' +
        'inc, clear, isset, iseq, goto, menu, item, choose, prompt, echo, sleep, dhcp, ifopen, ifstat, imgstat, shim, console, ' +
        'cpair, colour, exit, sanboot, shell, config, reboot, poweroff',
    },
  },
  {
    name: 'a name from the prototype is not a command',
    lines: ['constructor'],
    outcome: {
      kind: 'refused',
      reason: 'line 2: the simulator does not support the command "constructor", only kernel',
    },
  },
  {
    name: 'a missing label',
    lines: ['goto nowhere'],
    outcome: { kind: 'refused', reason: 'line 2: goto nowhere, but there is no label :nowhere' },
  },
  {
    name: 'a default that is not an item',
    lines: ['menu', 'item a', 'choose --default b --timeout 1 x'],
    outcome: { kind: 'refused', reason: 'line 4: choose selects b, which the menu does not have' },
  },
  {
    name: 'a menu without items',
    lines: ['menu', 'choose --timeout 1 x'],
    outcome: {
      kind: 'refused',
      reason: 'line 3: choose selects the first item, which the menu does not have',
    },
  },
  {
    name: 'choose without a setting',
    lines: ['choose'],
    outcome: { kind: 'refused', reason: 'line 2: choose has no setting for the result' },
  },
  {
    name: 'kernel without a URL',
    lines: ['kernel --name a'],
    outcome: { kind: 'refused', reason: 'line 2: kernel has no URL' },
  },
  {
    name: 'chain without a URL',
    lines: ['chain'],
    outcome: { kind: 'refused', reason: 'line 2: chain has no URL' },
  },
  {
    name: 'an invalid URL',
    lines: ['kernel http://['],
    outcome: { kind: 'refused', reason: 'line 2: "http://[" is not a URL' },
  },
  {
    name: 'boot without a kernel',
    lines: ['boot'],
    outcome: { kind: 'refused', reason: 'line 2: boot without a kernel' },
  },
  {
    name: 'an endless loop',
    lines: [':again', 'echo', 'goto again'],
    outcome: { kind: 'refused', reason: 'line 3: runs more than 2000 lines' },
  },
]

for (const { name, lines, outcome } of cases) {
  t.test(name, (t) => {
    const result = run(...lines)
    t.equal(result.kind, outcome.kind)
    // The list of known commands is spelled out once; elsewhere its beginning will do.
    if (result.kind === 'refused' && outcome.kind === 'refused') t.match(result.reason, outcome.reason)
    else t.same(result, outcome)
    t.end()
  })
}

t.test('a text that is not a script is refused, and the reason shows its start', (t) => {
  t.same(runScript('<!DOCTYPE html><html>', base, new Map()), {
    kind: 'refused',
    reason: 'line 1: starts with "<!DOCTYPE html><html", expected "#!ipxe"',
  })
  t.end()
})
