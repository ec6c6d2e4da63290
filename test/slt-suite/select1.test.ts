/**
 * Goal: all of SQLite's select1 is answered as the engines agreed. Method: see select.ts.
 */
import { testSelect } from './select.ts';

testSelect('select1.test', 1_031);
