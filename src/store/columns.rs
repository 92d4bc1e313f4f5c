//! How the values of this crate stand in columns: ids as 16 bytes, instants as microseconds.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, Nullable};

use crate::values::clock::Timestamp;
use crate::values::ids::Id;

impl<K: 'static, DB: Backend> FromSql<Binary, DB> for Id<K>
where
    Vec<u8>: FromSql<Binary, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, DB>>::from_sql(raw)?;
        Ok(Self::from_bytes(&bytes)?)
    }
}

impl<K: 'static, DB: Backend> Queryable<Binary, DB> for Id<K>
where
    Vec<u8>: FromSql<Binary, DB>,
{
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

impl<K: 'static, DB: Backend> ToSql<Binary, DB> for Id<K>
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        ToSql::<Binary, DB>::to_sql(self.as_bytes().as_slice(), out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Timestamp
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(raw: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_micros(<i64 as FromSql<BigInt, DB>>::from_sql(raw)?))
    }
}

impl<DB: Backend> Queryable<BigInt, DB> for Timestamp
where
    i64: FromSql<BigInt, DB>,
{
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for Timestamp
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        ToSql::<BigInt, DB>::to_sql(self.as_micros(), out)
    }
}

/// Both values stand in a query as one bound parameter, null or not, owned or borrowed.
macro_rules! bind_as {
    ([$($generics:tt)*] $value:ty, $sql_type:ty) => {
        impl<$($generics)*> AsExpression<$sql_type> for $value {
            type Expression = Bound<$sql_type, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<$($generics)*> AsExpression<Nullable<$sql_type>> for $value {
            type Expression = Bound<Nullable<$sql_type>, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<'a, $($generics)*> AsExpression<$sql_type> for &'a $value {
            type Expression = Bound<$sql_type, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<'a, $($generics)*> AsExpression<Nullable<$sql_type>> for &'a $value {
            type Expression = Bound<Nullable<$sql_type>, Self>;
            fn as_expression(self) -> Self::Expression {
                Bound::new(self)
            }
        }
        impl<DB: Backend, $($generics)*> ToSql<Nullable<$sql_type>, DB> for $value
        where
            $value: ToSql<$sql_type, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                ToSql::<$sql_type, DB>::to_sql(self, out)
            }
        }
    };
}

bind_as!([K: 'static] Id<K>, Binary);
bind_as!([] Timestamp, BigInt);
