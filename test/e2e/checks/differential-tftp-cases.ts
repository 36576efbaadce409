/** The TFTP requests that slipway and tftpd-hpa answer, and the intended differences between their answers. */
import type { Intended } from '../peers/differences.ts'
import type { TftpCase } from '../stubs/tftp-requests.ts'

export type TftpQuestion = {
  readonly name: string
  /** In Latin-1. */
  readonly packet: string
  readonly then: TftpCase['then']
}

export const longName = 'n'.repeat(200)

/** The content of each file, for both servers. */
export const tftpFiles: Readonly<Record<string, string>> = {
  small: 'loader'.repeat(17),
  exact: 'x'.repeat(1024),
  large: 'slipway '.repeat(9000),
  none: '',
  text: 'unix\nmac\rdos\r\nend',
  'sub/inner': 'inner',
  'sub/.hidden': 'hidden',
  [longName]: 'long',
}

const read = (file: string, ...texts: string[]): string => `\0\x01${text(file, ...texts)}`
const text = (...texts: string[]): string => texts.map((each) => `${each}\0`).join('')

const question = (name: string, packet: string, then: TftpCase['then'] = 'abort'): TftpQuestion => {
  return { name, packet, then }
}

const modes = ['octet', 'OCTET', 'Octet', 'netascii', 'NetASCII', 'mail', 'binary', 'image', ''] as const
const blockSizes = ['8', '7', '0', '1', '511', '512', '513', '1024', '1428', '1468', '1469', '65464', '65465', '99999', '01024', '-1', '+512', ' 512', '512 ', '0x200', '1e3', 'x', ''] // prettier-ignore
const timeouts = ['0', '1', '5', '05', '255', '256', '-1', 'x', ''] as const
const sizes = ['0', '5', '00', 'x', ''] as const
const windows = ['1', '4', '04', '64', '65', '65535', '0', '65536', 'x'] as const

const names = [
  '/small', '//small', './small', '/./small', 'sub/inner', 'sub//inner', 'sub/./inner', '/sub/inner',
  'sub/../small', '../small', '/../small', 'sub/..', '\\small', 'sub\\inner', '\\sub\\inner',
  'missing', 'missing/small', 'sub', 'sub/', 'sub/empty', '/', '.', '..', 'sub/.hidden', 'SMALL', 'small/',
  'small ', ' small', 'small\xff', 'small\n', 'sm%61ll', 'sub%2finner', 'sm*', 'smal\xe9', longName, `${longName}n`,
  'm'.repeat(400), '/'.repeat(100) + 'small', 'sub/../'.repeat(20) + 'small',
] // prettier-ignore

const withOptions = (...options: string[]): string => read('large', 'octet', ...options)

const malformed: readonly (readonly [name: string, packet: string])[] = [
  ['no mode', '\0\x01small\0'],
  ['a mode that does not end', '\0\x01small\0octet'],
  ['a name that does not end', '\0\x01small'],
  ['no name', '\0\x01'],
  ['an empty name', read('', 'octet')],
  ['an option without a value', `${withOptions('blksize', '1024')}windowsize\0`],
  ['a value that does not end', `${withOptions('blksize', '1024')}tsize\x000`],
  ['an option name that does not end', `${withOptions('blksize', '1024')}tsi`],
  ['an empty option name', withOptions('blksize', '1024', '', 'tsize', '0')],
  ['an empty option name and value', withOptions('blksize', '1024', '', '', 'tsize', '0')],
  ['padding', `${read('small', 'octet')}${'\0'.repeat(20)}`],
  ['padding after options', `${withOptions('blksize', '1024')}${'\0'.repeat(20)}`],
  ['text after the mode', `${read('small', 'octet')}xyz`],
  ['530 octets', withOptions('blksize', '1024', 'x', 'y'.repeat(490))],
  ['a write request for a new file', `\0\x02${text('new', 'octet')}`],
  ['a write request with options', `\0\x02${text('new', 'octet', 'tsize', '4')}`],
  ['an empty write request', '\0\x02'],
  ['DATA', '\0\x03\0\x01x'],
  ['an ACK', '\0\x04\0\x01'],
  ['an ERROR', '\0\x05\0\x01x\0'],
  ['an OACK', '\0\x06tsize\x000\0'],
  ['an unknown packet type', '\0\x07x'],
  ['packet type 0', '\0\0x'],
  ['one octet', '\x01'],
]

const optionSets: readonly (readonly [name: string, ...options: string[]])[] = [
  ['tsize, blksize, timeout', 'tsize', '0', 'blksize', '1024', 'timeout', '3'],
  ['timeout, blksize, tsize', 'timeout', '3', 'blksize', '1024', 'tsize', '0'],
  ['blksize, tsize', 'blksize', '1468', 'tsize', '0'],
  ['names in upper case', 'BLKSIZE', '1024', 'TSize', '0'],
  ['an unknown option', 'foo', 'bar'],
  ['an unknown option before others', 'foo', 'bar', 'blksize', '1024'],
  ['an unknown option between others', 'tsize', '0', 'foo', 'bar', 'blksize', '1024'],
  ['an invalid option beside a valid one', 'blksize', 'x', 'tsize', '0'],
  ['multicast', 'multicast', '', 'blksize', '1024'],
  ['tsize twice', 'tsize', '0', 'tsize', '0'],
  ['blksize twice with two values', 'blksize', '1024', 'blksize', '512'],
  ['blksize twice, the second one invalid', 'blksize', '1024', 'blksize', 'x'],
  ['blksize twice, the first one invalid', 'blksize', 'x', 'blksize', '1024'],
  ['blksize2', 'blksize2', '1000'],
  ['utimeout', 'utimeout', '500000'],
  ['rollover', 'rollover', '0'],
  ['thirty unknown options', ...Array.from({ length: 30 }, (_, index) => [`o${index}`, '1']).flat()],
]

export const tftpQuestions: readonly TftpQuestion[] = [
  ...['small', 'exact', 'large', 'none', longName].map((file) =>
    question(`fetch ${file.slice(0, 10)}`, read(file, 'octet'), 'fetch'),
  ),
  ...['513', '1000', '1024', '1468'].map((size) =>
    question(`fetch with blksize ${size}`, read('large', 'octet', 'blksize', size), 'fetch'),
  ),
  question('fetch exact with blksize 1024', read('exact', 'octet', 'blksize', '1024'), 'fetch'),
  question('fetch exact with blksize 8', read('exact', 'octet', 'blksize', '8'), 'fetch'),
  question('fetch text in netascii', read('text', 'netascii'), 'fetch'),
  question('fetch text in netascii, blksize 8', read('text', 'netascii', 'blksize', '8'), 'fetch'),
  ...modes.map((mode) => question(`mode ${JSON.stringify(mode)}`, read('small', mode))),
  ...blockSizes.map((size) => question(`blksize ${JSON.stringify(size)}`, withOptions('blksize', size))),
  ...timeouts.map((value) => question(`timeout ${JSON.stringify(value)}`, withOptions('timeout', value))),
  ...sizes.map((value) => question(`tsize ${JSON.stringify(value)}`, withOptions('tsize', value))),
  question('tsize of an empty file', read('none', 'octet', 'tsize', '0')),
  question('tsize in netascii', read('text', 'netascii', 'tsize', '0')),
  question('tsize and blksize in netascii', read('text', 'netascii', 'tsize', '0', 'blksize', '8')),
  ...windows.map((value) =>
    question(`windowsize ${JSON.stringify(value)}`, withOptions('windowsize', value)),
  ),
  ...optionSets.map(([name, ...options]) => question(`options: ${name}`, withOptions(...options))),
  ...names.map((name) => question(`name ${JSON.stringify(name).slice(0, 60)}`, read(name, 'octet'))),
  question('a missing file with options', read('missing', 'octet', 'tsize', '0')),
  ...malformed.map(([name, packet]) => question(`malformed: ${name}`, packet)),
  question('repeated after an OACK', withOptions('tsize', '0', 'blksize', '1024'), 'repeat'),
  question('repeated after the first block', read('large', 'octet'), 'repeat'),
  question('repeated after ACK 0', withOptions('tsize', '0', 'blksize', '1024'), 'restart'),
]

export const tftpDifferences: readonly Intended[] = [
  {
    field: /^(?:answer|data|code)$/,
    question: /^(?:blksize "[017]"|timeout "(?:0|256|-1)")$/,
    reason:
      'a value out of range is left out, and the file is sent; tftpd-hpa refuses the request with ERROR 8',
  },
  {
    field: /^(?:answer|data|options|option blksize)$/,
    question: /^blksize "(?:65465|99999|-1|\+512| 512)"$/,
    reason:
      'only decimal digits up to 65464 are a block size (RFC 2348); tftpd-hpa reads what strtoul(3) reads, and lowers it',
  },
  {
    field: /^option tsize$/,
    question: /^tsize "5"$/,
    reason: 'the size of the file (RFC 2349); tftpd-hpa returns the value of the client if it is not 0',
  },
  {
    field: /^(?:answer|data|code|options|option blksize)$/,
    question: /^tsize (?:and blksize )?in netascii$/,
    reason:
      'the size after the translation is not known, so tsize is left out; tftpd-hpa refuses with ERROR 8',
  },
  {
    field: /^(?:answer|data|options|option windowsize)$/,
    question: /^windowsize/,
    reason: 'windows (RFC 7440), which tftpd-hpa does not support',
  },
  {
    field: /^(?:answer|data|options|option blksize)$/,
    question: /^options: multicast$/,
    reason: 'an empty value is a value; tftpd-hpa ends the options there',
  },
  {
    field: /^(?:answer|data|options|option blksize)$/,
    question: /^options: blksize twice, the first one invalid$/,
    reason: 'of a repeated option the first one counts (RFC 2347); tftpd-hpa takes the first valid one',
  },
  {
    field: /^(?:answer|data|options|option (?:blksize2|utimeout|rollover))$/,
    question: /^options: (?:blksize2|utimeout|rollover)$/,
    reason: 'options without an RFC, which only tftpd-hpa supports',
  },
  {
    field: /^(?:answer|data|code)$/,
    question: /^name "(?:sub\/)?(?:\.\.\/|\/\.\.\/|sub\/\.\.)/,
    reason:
      'a name with ".." is refused, even if it leads to a served file; tftpd-hpa resolves it below its root',
  },
  {
    field: /^(?:answer|data|code)$/,
    question: /^name "(?:.*\\\\|small(?:\/|ÿ)"$)/,
    reason:
      'backslashes, a slash at the end, and the octet 0xff at the end are removed, because Windows tools and some firmware send them',
  },
  {
    field: /^(?:answer|data|code)$/,
    question: /^name "sub\/\.hidden"$/,
    reason: 'hidden files are not served',
  },
  {
    field: /^code$/,
    question: /^name "(?:sub|sub\/|sub\/empty|\/|\.|\.\.|small\\n|m+)"?$/,
    reason:
      'ERROR 2 for a name that cannot be a file, ERROR 1 for a missing file; tftpd-hpa sends ERROR 0 for both',
  },
  {
    field: /^(?:answer|data|code|options|option blksize)$/,
    question:
      /^malformed: (?:a value that does not end|an option name that does not end|text after the mode)$/,
    reason: 'complete options count, and the rest is ignored; tftpd-hpa refuses the request with ERROR 4',
  },
  {
    field: /^code$/,
    question: /^malformed: a write request (?:for a new file|with options)$/,
    reason: 'ERROR 2 for every write request; tftpd-hpa reports that the file does not exist',
  },
]
