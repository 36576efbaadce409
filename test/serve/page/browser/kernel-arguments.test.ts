import t from 'tap'
import { kernelArguments } from '../../../../src/serve/page/browser/kernel-arguments.ts'

t.test('the arguments follow the URL of the kernel, and end at the next command', (t) => {
  const script = '#!ipxe\n  kernel http://172.16.0.101/kernel initrd=main ip=dhcp || goto failed\nboot\n'
  t.same(kernelArguments(script), ['initrd=main', 'ip=dhcp'])
  t.same(kernelArguments('#!ipxe\nexit 1\n'), [])
  t.end()
})
