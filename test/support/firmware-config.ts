/** Reads a configuration by the rules of the firmware of QEMU for ppc64le and s390x (lib/libnet/pxelinux.c in SLOF). */

/** The size of its buffer, without the NUL at the end. */
export const maxFirmwareBytes = 2047

export type FirmwareEntry = {
  readonly kernel: string
  readonly initrd: string
  readonly arguments: readonly string[]
}

/** Returns the default label; nothing without a label. @throws {SyntaxError} on a line that the firmware cannot read */
export function readFirmware(text: string): FirmwareEntry | undefined {
  if (!text.startsWith('# pxelinux\n')) throw new SyntaxError('not a configuration')
  const values = new Map<string, string>()
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [, key = '', value = ''] = /^(default|label|kernel|initrd|append)[ \t]+(.+)$/.exec(line) ?? []
    if (key === '') throw new SyntaxError(line)
    values.set(key, value)
  }
  if (!values.has('label')) return undefined
  if (values.get('label') !== values.get('default')) throw new SyntaxError('no default')
  const words = (values.get('append') ?? '').split(' ').filter((each) => each !== '')
  return { kernel: values.get('kernel') ?? '', initrd: values.get('initrd') ?? '', arguments: words }
}
