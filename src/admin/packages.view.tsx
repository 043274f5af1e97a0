import type { ProductNews } from '../domain/products';
import type { StaffPage } from '../ui/page';
import { Badge, ButtonLink, Empty, PageHeader } from '../ui/parts';
import { Shell } from '../ui/shell';
import { type Column, Paging, Table } from '../ui/table';
import { inShort, matchWords, newsWords } from './package-words';
import type { PackageList } from './packages.query';
import type { ShopName } from './stores.query';

export function packagesView(page: StaffPage, list: PackageList, shops: ShopName[]): JSX.Element {
  const { t } = page;
  const add = <ButtonLink look="primary" icon="plus" href="/admin/packages/new" text={t('packages.add')} />;
  if (list.total === 0) {
    return (
      <Shell page={page} title={t('packages.title')}>
        <PageHeader title={t('packages.title')} />
        <Empty icon="packages" title={t('packages.empty')} text={t('packages.empty_words')}>
          {add}
        </Empty>
      </Shell>
    );
  }
  const several = shops.length > 1;
  const nameOf = new Map(shops.map((shop) => [shop.id, shop.name]));
  const columns: Column[] = [
    { label: t('packages.column.name') },
    { label: t('packages.column.gets') },
    ...(several ? [{ label: t('packages.column.shop'), wideOnly: true }] : []),
    { label: t('packages.column.active'), align: 'end' },
  ];
  return (
    <Shell page={page} title={t('packages.title')}>
      <PageHeader title={t('packages.title')} lead={t('packages.lead')}>
        {add}
      </PageHeader>
      <Table
        caption={t('packages.title')}
        columns={columns}
        rows={list.packages.map((pkg) => ({
          href: `/admin/packages/${pkg.id}`,
          label: pkg.name,
          note: (
            <>
              <span safe>{matchWords(page, pkg.match)}</span>
              <NewsBadges page={page} news={list.news.get(pkg.id) ?? []} />
            </>
          ),
          cells: [
            <>
              <div safe>{inShort(page, pkg)}</div>
              <div class="z-row-note" safe>
                {validityWords(page, pkg.validityDays)}
              </div>
            </>,
            ...(several ? [<span safe>{nameOf.get(pkg.storeId) ?? ''}</span>] : []),
            pkg.active ? (
              <Badge tone="good" icon="good" text={t('packages.on_sale')} />
            ) : (
              <Badge tone="quiet" text={t('packages.off_sale')} />
            ),
          ],
        }))}
      />
      <Paging page={page} shown={list.packages.length} total={list.total} next={list.next} />
    </Shell>
  );
}

function validityWords({ t }: StaffPage, days: number | null): string {
  return days === null ? t('packages.no_end') : t('packages.valid_days', { count: days });
}

function NewsBadges({ page, news }: { page: StaffPage; news: ProductNews[] }): JSX.Element {
  if (news.length === 0) return '';
  return (
    <div class="z-news">
      {news.map((one) => (
        <Badge
          tone={one.kind === 'renamed' ? 'quiet' : 'low'}
          icon={one.kind === 'renamed' ? 'info' : 'warning'}
          text={newsWords(page, one, true)}
        />
      ))}
    </div>
  );
}
