//! How the values of this crate stand in columns: ids as 16 bytes, instants as microseconds.

use diesel::deserialize::{self, FromSql, Queryable};
use diesel::expression::AsExpression;
use diesel::internal::derives::as_expression::Bound;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::{BigInt, Binary, Nullable};

use crate::store::connection::{Backend, MultiRawValue};
use crate::values::clock::Timestamp;
use crate::values::ids::Id;

impl<K: 'static> FromSql<Binary, Backend> for Id<K> {
    fn from_sql(raw: MultiRawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Backend>>::from_sql(raw)?;
        Ok(Self::from_bytes(&bytes)?)
    }
}

impl<K: 'static> Queryable<Binary, Backend> for Id<K> {
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

impl<K: 'static, DB: diesel::backend::Backend> ToSql<Binary, DB> for Id<K>
where
    [u8]: ToSql<Binary, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        ToSql::<Binary, DB>::to_sql(self.as_bytes().as_slice(), out)
    }
}

impl FromSql<BigInt, Backend> for Timestamp {
    fn from_sql(raw: MultiRawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_micros(<i64 as FromSql<BigInt, Backend>>::from_sql(raw)?))
    }
}

impl Queryable<BigInt, Backend> for Timestamp {
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

impl<DB: diesel::backend::Backend> ToSql<BigInt, DB> for Timestamp
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
        impl<DB: diesel::backend::Backend, $($generics)*> ToSql<Nullable<$sql_type>, DB> for $value
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
