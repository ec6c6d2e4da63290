/**
 * Goal: all of SQLite's select4 is answered as the engines agreed. Method: see select.ts.
 */
import { testSelect } from './select.ts';

testSelect('select4.test', 3_841);
