import type { StaffPage } from './page';

/** Kept with a message, to be downloaded. */
interface KeptFile {
  id: string;
  name: string;
  /** As its content says. */
  type: string;
  bytes: number;
}

export function FileLinks({
  page,
  label,
  files,
}: {
  page: StaffPage;
  label: string;
  files: KeptFile[];
}): JSX.Element {
  if (files.length === 0) return '';
  return (
    <ul class="z-files" aria-label={label}>
      {files.map((file) => (
        <li>
          <a href={`/attachments/${file.id}`} download={file.name}>
            <bdi safe>{file.name}</bdi>
            <small safe>{`${typeText(page, file.type)} · ${sizeText(page, file.bytes)}`}</small>
          </a>
        </li>
      ))}
    </ul>
  );
}

const OFFICE = 'application/vnd.openxmlformats-officedocument';
const TYPES = {
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'application/gzip': 'gzip',
  'application/x-7z-compressed': 'seven_zip',
  'application/vnd.rar': 'rar',
  'application/rtf': 'rtf',
  'application/msword': 'word',
  [`${OFFICE}.wordprocessingml.document`]: 'word',
  'application/vnd.ms-excel': 'excel',
  [`${OFFICE}.spreadsheetml.sheet`]: 'excel',
  'application/vnd.ms-powerpoint': 'powerpoint',
  [`${OFFICE}.presentationml.presentation`]: 'powerpoint',
  'application/vnd.ms-outlook': 'outlook',
  'application/ms-tnef': 'outlook',
  'image/jpeg': 'jpeg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/heic': 'heic',
  'message/rfc822': 'email',
  'text/calendar': 'calendar',
  'text/csv': 'csv',
  'text/html': 'html',
  'text/plain': 'text',
} as const;

/** "PDF"; what has no name here is said as its type. */
function typeText({ t }: StaffPage, type: string): string {
  const known = Object.entries(TYPES).find(([one]) => one === type)?.[1];
  return known === undefined ? type : t(`file_type.${known}`);
}

/** "1.2 MB", "340 kB", "12 bytes" */
function sizeText({ locale }: StaffPage, bytes: number): string {
  const [unit, size] =
    bytes >= 1_000_000
      ? (['megabyte', bytes / 1_000_000] as const)
      : bytes >= 1_000
        ? (['kilobyte', bytes / 1_000] as const)
        : (['byte', bytes] as const);
  const maximumFractionDigits = size < 10 && unit === 'megabyte' ? 1 : 0;
  // Short, it is "12 byte".
  const unitDisplay = unit === 'byte' ? 'long' : 'short';
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay, maximumFractionDigits }).format(
    size,
  );
}
