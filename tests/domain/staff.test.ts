import { scryptSync } from 'node:crypto';
import { hashPassword, isPassword } from '../../src/domain/staff';
import { SERVICE_COST } from '../support/quick-passwords';

describe('passwords', () => {
  it('cost in service what OWASP asks for at least', () => {
    expect(SERVICE_COST).toBeGreaterThanOrEqual(15);
  });

  it('are kept with what their hash cost, and known again whatever new ones cost', async () => {
    const salt = Buffer.from('a salt of 16 byt');
    const options = { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 27 };
    const hash = scryptSync('correct horse', salt, 32, options).toString('base64url');
    const stored = `scrypt$15$8$3$${salt.toString('base64url')}$${hash}`;
    expect(await isPassword('correct horse', stored)).toBe(true);
    expect(await isPassword('correct hors', stored)).toBe(false);
    expect(await isPassword('correct horse', null)).toBe(false);
    expect(await hashPassword('correct horse')).toMatch(/^scrypt\$10\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
  });
});
