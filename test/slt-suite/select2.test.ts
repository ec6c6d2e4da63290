/**
 * Goal: all of SQLite's select2 is answered as the engines agreed. Method: see select.ts.
 */
import { testSelect } from './select.ts';

testSelect('select2.test', 1_031);
