/** Scripts of other installers: those that every boot loader can start, and those that only iPXE can run. */
import t from 'tap'
import { readPlainScript } from '../../../src/plan/boot/plain-script.ts'

const url = 'http://assisted.example.net:8090/api/script?file_name=ipxe-script'
const images = 'http://images.example.net:8888'

t.test(
  'the script of an InfraEnv is plain: kernel, initramfs, and arguments with their quotation marks',
  (t) => {
    const script = [
      '#!ipxe',
      `initrd --name initrd ${images}/images/1/pxe-initrd?api_key=KEY&arch=x86_64&version=4.17`,
      `kernel ${images}/boot-artifacts/kernel?arch=x86_64&version=4.17 initrd=initrd coreos.live.rootfs_url=${images}/rootfs ` +
        'random.trust_cpu=on ignition.firstboot coreos.inst.persistent-kargs="console=tty1 console=ttyS1,115200n8"',
      'boot',
      '',
    ].join('\n')
    t.same(readPlainScript(script, url), {
      kernel: { name: 'kernel', url: `${images}/boot-artifacts/kernel?arch=x86_64&version=4.17` },
      initramfs: {
        name: 'initramfs',
        url: `${images}/images/1/pxe-initrd?api_key=KEY&arch=x86_64&version=4.17`,
      },
      arguments: [
        `coreos.live.rootfs_url=${images}/rootfs`,
        'random.trust_cpu=on',
        'ignition.firstboot',
        'coreos.inst.persistent-kargs="console=tty1',
        'console=ttyS1,115200n8"',
      ],
    })
    t.end()
  },
)

t.test(
  'comments, echo, options, failures that end, and relative URLs do not change what a script boots',
  (t) => {
    const script = [
      '#!ipxe',
      '# node.x86_64.ipxe',
      'echo Loading',
      'imgfree',
      'kernel --autofree --timeout 5 vmlinuz initrd=main rw || goto failed',
      'echo half',
      'initrd --name main initrd.img || shell',
      'boot',
    ].join('\r\n')
    t.match(readPlainScript(script, 'http://h/dir/node.ipxe'), {
      kernel: { url: 'http://h/dir/vmlinuz' },
      initramfs: { url: 'http://h/dir/initrd.img' },
      arguments: ['rw'],
    })
    t.end()
  },
)

const whole = ['#!ipxe', 'kernel http://h/k', 'initrd http://h/i', 'boot']
const others: Readonly<Record<string, readonly string[]>> = {
  'no script': ['<html>', ...whole.slice(1)],
  'a chain, as with BootOrderControl': ['#!ipxe', 'chain http://h/script?mac=${net0/mac}'],
  'a setting in an argument': ['#!ipxe', 'kernel http://h/k mac=${mac}', ...whole.slice(2)],
  'two initramfs': [...whole.slice(0, 3), 'initrd http://h/j', 'boot'],
  'two kernels': [...whole.slice(0, 2), ...whole.slice(1)],
  'no boot': whole.slice(0, 3),
  'no kernel': ['#!ipxe', 'initrd http://h/i', 'boot'],
  'a command after boot': [...whole, 'reboot'],
  'a label': [...whole.slice(0, 3), ':boot', 'boot'],
  'a condition': [...whole.slice(0, 3), 'iseq a b && boot'],
  'two operators': ['#!ipxe', 'kernel http://h/k || kernel http://h/l || exit', ...whole.slice(2)],
  'images that are removed again': [...whole.slice(0, 3), 'imgfree', 'boot'],
  'another protocol': ['#!ipxe', 'kernel tftp://h/k', ...whole.slice(2)],
  'an unprintable character': [whole[0]!, `${whole[1]} é`, ...whole.slice(2)],
}

for (const [name, lines] of Object.entries(others)) {
  t.test(`only iPXE can run a script with ${name}`, (t) => {
    t.equal(readPlainScript(lines.join('\n'), url), undefined)
    t.end()
  })
}
